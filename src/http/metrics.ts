/** What operators measure, in Prometheus' text form; served on the admin listener only (X-14). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AuditEvent } from '../audit/events.ts';
import type { RecordStore, Records } from '../store/records.ts';

export interface Metrics {
  /** Counts an event of the audit trail: logins, refusals, orders by what became of them. */
  countEvent(event: AuditEvent): void;
  observeRequest(labels: { method: string; route: string; status: number }, seconds: number): void;
  /** Open event streams of login pages. */
  streamOpened(): void;
  streamClosed(): void;
  /** Calls `read` at every scrape. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void;
  contentType: string;
  /** All values as text. */
  render(): Promise<string>;
}

/** A registry of its own, so that several servers in one process do not share counters. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const events = new Counter({
    name: 'mtoken_events_total',
    help: 'Events of the audit trail by name',
    labelNames: ['event'],
    registers,
  });
  const requests = new Histogram({
    name: 'mtoken_http_request_seconds',
    help: 'Time from a request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const streams = new Gauge({ name: 'mtoken_event_streams', help: 'Open event streams of login pages', registers });
  return {
    countEvent: (event) => events.inc({ event }),
    observeRequest: (labels, seconds) => requests.observe(labels, seconds),
    streamOpened: () => streams.inc(),
    streamClosed: () => streams.dec(),
    gauge: (name, help, read) => {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          // A store that is down must not take the other numbers with it.
          this.set(await Promise.resolve(read()).catch(() => Number.NaN));
        },
      });
    },
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

/** The same records, with every audit event counted once it is committed. */
export function countingRecords(records: RecordStore, metrics: Metrics): RecordStore {
  const counting = (over: Records, count: (event: AuditEvent) => void): Records => ({
    ...over,
    audit: {
      ...over.audit,
      append: async (record, at) => {
        const entry = await over.audit.append(record, at);
        count(record.event);
        return entry;
      },
    },
  });
  return {
    ...counting(records, metrics.countEvent),
    transaction: async (work) => {
      const committed: AuditEvent[] = [];
      const result = await records.transaction((inside) =>
        work(counting(inside, (event) => void committed.push(event))),
      );
      for (const event of committed) metrics.countEvent(event);
      return result;
    },
  };
}
