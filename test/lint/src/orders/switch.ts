// expect: typescript(switch-exhaustiveness-check)
type State = 'pending' | 'claimed' | 'approved';

export function label(state: State): string {
  switch (state) {
    case 'pending':
      return 'waiting';
    case 'claimed':
      return 'on the phone';
  }
  return '';
}
