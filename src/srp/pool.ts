/** A small stock of g^b, which depend on no user, made while the process has nothing better to do. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** b and g^b; handed out once. */
export interface SecretPower {
  readonly secret: Uint8Array;
  readonly power: Uint8Array;
}

export interface PowerPool {
  /** One pair, from the stock or made on the spot; begins to refill. No pair is ever handed out twice. */
  take(): SecretPower;
  /** Fills the stock, one pair for each turn of the event loop. */
  fill(): Promise<void>;
  /** Stops filling and forgets the stock. */
  close(): void;
}

/** Makes an empty pool of at most `size` pairs. It never keeps the process alive. */
export function createPowerPool({ size, make }: { size: number; make: () => SecretPower }): PowerPool {
  let stock: SecretPower[] = [];
  let scheduled: NodeJS.Immediate | undefined;
  let isClosed = false;

  const refill = (): void => {
    scheduled = undefined;
    if (isClosed || stock.length >= size) return;
    stock.push(make());
    schedule();
  };
  // One pair a turn, after waiting input and output was served: a login never waits for more than one.
  const schedule = (): void => {
    if (isClosed || scheduled !== undefined || stock.length >= size) return;
    scheduled = setImmediate(refill);
    scheduled.unref();
  };

  return {
    take: () => {
      const pair = stock.pop() ?? make();
      schedule();
      return pair;
    },
    fill: async () => {
      while (!isClosed && stock.length < size) {
        await nextTurn();
        if (!isClosed && stock.length < size) stock.push(make());
      }
    },
    close: () => {
      isClosed = true;
      stock = [];
      if (scheduled !== undefined) clearImmediate(scheduled);
      scheduled = undefined;
    },
  };
}
