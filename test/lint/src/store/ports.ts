// expect nothing: what others import
export interface ShortLivedStore {
  readonly close: () => Promise<void>;
}

export const port = 1;
