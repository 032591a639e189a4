/** Where a link for this device was opened in a browser: shows the way into the app, if this browser is a registered phone. */

const elsewhere = document.getElementById('elsewhere');
const here = document.getElementById('here');

function isRegistered(): boolean {
  try {
    return localStorage.getItem('mtoken-app') !== null;
  } catch {
    return false;
  }
}

function headingOf(part: HTMLElement): string {
  return part.querySelector('h1')?.textContent ?? '';
}

if (elsewhere !== null && here !== null && isRegistered()) {
  // Whoever is at home here has nothing to scan.
  elsewhere.hidden = true;
  here.hidden = false;
  document.title = document.title.replace(headingOf(elsewhere), headingOf(here));
  document.getElementById('open-app')?.focus();
}
