/** Batches of ten thousand payments: what it takes to ask for one, to show it whole, to sign it and to check its receipt. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { OrderDescriptor } from '../../src/protocol/orders.ts';
import { readDisplay, readList } from '../../src/sdk/display.ts';
import { verifyReceipt } from '../../src/sdk/index.ts';
import { fetchParts } from '../../src/sdk/parts.ts';
import type { BenchContext } from './benchmark.ts';
import { median, wallMs } from './measure.ts';
import type { Figure } from './report.ts';
import type { SigningDesk } from './signing.ts';
import { onlyReceipt } from './signing-portal.ts';

const paymentCount = 10_000;

type Measured = Omit<Figure, 'benchmark'>;
/** Of one batch, in milliseconds; memory in MiB. */
type Step = 'create' | 'show' | 'sign' | 'fetch' | 'verify' | 'memory';

/** A few batches one after the other, each by another phone; the median of each step. */
export async function measureBatch(desk: SigningDesk, { isQuick, tell }: BenchContext): Promise<Measured[]> {
  tell('signing: batches');
  const { server } = desk;
  const fields = batchOf(isQuick ? 500 : paymentCount);
  const { text } = await desk.connections.send({ method: 'GET', path: '/.well-known/mtoken-key-history' });
  const history: unknown = JSON.parse(text);
  await server.collectGarbage();
  const before = await memoryOf(desk);
  const rounds: Record<Step, number>[] = [];
  for (let round = 0; round < (isQuick ? 1 : 5); round += 1) rounds.push(await one(desk, { round, fields, history }));
  const most = await memoryOf(desk);
  const of = (step: Step): number => median(rounds.map((times) => times[step]));
  const count = fields.count.toLocaleString('en-US');
  return [
    { what: `batch of ${count} payments: created`, value: of('create'), unit: 'ms' },
    { what: '— shown: claimed, its list fetched and compared', value: of('show'), unit: 'ms' },
    { what: '— signed', value: of('sign'), unit: 'ms' },
    { what: '— receipt fetched by the portal', value: of('fetch'), unit: 'ms' },
    { what: '— receipt checked', value: of('verify'), unit: 'ms' },
    { what: '— memory that checking it takes, before garbage is collected', value: of('memory'), unit: 'MiB' },
    { what: `— memory of the server, ${rounds.length} of them later (RSS)`, value: most - before, unit: 'MiB' },
  ];
}

interface Round {
  readonly round: number;
  readonly fields: ReturnType<typeof batchOf>;
  readonly history: unknown;
}

async function one({ phones, portals }: SigningDesk, { round, fields, history }: Round): Promise<Record<Step, number>> {
  const [place, portal] = [phones[round], portals[round % portals.length]];
  if (place === undefined || portal === undefined) throw new Error('there is no phone or no portal');
  const { phone, userId } = place;
  await phone.unlock();
  let signingId = '';
  const create = await wallMs(async () => {
    ({ signingId } = await portal.create({ userId, template: 'payment-batch', fields }));
  });
  let claimed: Awaited<ReturnType<typeof phone.claimWaiting>> | undefined;
  const show = await wallMs(async () => {
    claimed = await phone.claimWaiting(signingId);
    const { orderId, descriptor } = claimed;
    const { batch } = readDisplay(payloadOf(descriptor).display);
    const list = await fetchParts((part) => phone.listPart(orderId, part));
    const payments = batch && (await readList(list, batch));
    if (payments?.length !== fields.count) throw new Error('the list is not that of the batch');
  });
  const sign = await wallMs(async () => claimed && phone.sign(claimed));
  let order: Awaited<ReturnType<typeof portal.read>> | undefined;
  const fetch = await wallMs(async () => {
    order = await portal.read(signingId);
  });
  const receipt = order && onlyReceipt(order);
  collectGarbage();
  const held = heldBytes();
  const verify = await wallMs(async () => {
    if (!(await verifyReceipt(receipt, history)).isGenuine) throw new Error('the receipt is not genuine');
  });
  return { create, show, sign, fetch, verify, memory: (heldBytes() - held) / 2 ** 20 };
}

function batchOf(count: number) {
  const payments = Array.from({ length: count }, (_, index) => ({
    amount: 100 + index,
    creditorName: `Person ${index + 1}`,
    creditorIban: 'BE71096123456769',
    reference: `Salary ${index + 1}`,
  }));
  const total = payments.reduce((sum, { amount }) => sum + amount, 0);
  return {
    total,
    currency: 'EUR',
    count,
    debtorIban: 'DE89370400440532013000',
    date: new Date().toISOString().slice(0, 10),
    payments,
  };
}

function payloadOf(descriptor: string): OrderDescriptor {
  return JSON.parse(Buffer.from(descriptor.split('.')[1] ?? '', 'base64url').toString()) as OrderDescriptor;
}

async function memoryOf({ server }: SigningDesk): Promise<number> {
  return ((await server.metrics()).get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20;
}

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
