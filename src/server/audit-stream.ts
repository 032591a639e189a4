/** Streams the audit trail to where the configuration says, and shows how far behind that is and what is not signed yet. */
import { lineSink, syslogSink } from '../audit/sinks.ts';
import { type AuditSink, type AuditStream, startAuditStream, streamLag } from '../audit/stream.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Kernel } from './capabilities.ts';

/** Starts the stream; undefined where none is configured. */
export function openAuditStream(kernel: Kernel): AuditStream | undefined {
  const sink = sinkOf(kernel);
  if (sink === undefined) return undefined;
  const { clock, log, stores } = kernel;
  return startAuditStream({ records: stores.records, clock, log, sink });
}

function sinkOf({ config, output }: Kernel): AuditSink | undefined {
  const { stream } = config.audit;
  if (stream === undefined) return undefined;
  if (stream.kind === 'syslog') return syslogSink(stream);
  return output === undefined ? undefined : lineSink(output);
}

/** A stream that nobody reads, and checkpoints that are not made, are seen before somebody misses them. */
export function gaugeAudit(metrics: Metrics, kernel: Kernel): void {
  const { records } = kernel.stores;
  const sink = sinkOf(kernel);
  if (sink !== undefined) {
    const help = 'Records of the audit trail that wait to be streamed';
    metrics.gauge('mtoken_audit_stream_lag', help, () => streamLag(records, sink.name));
  }
  metrics.gauge('mtoken_audit_unsigned', 'Records since the last checkpoint of the audit trail', async () => {
    const last = await records.checkpoints.last('head');
    return (await records.audit.head()).seq - (last?.seq ?? 0);
  });
}
