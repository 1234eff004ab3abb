/**
 * Collects the push permits (推送凭证) that a mini program's taps earn, keeps them through kills, and reports them to minapush.
 * @packageDocumentation
 */
import type { Ask, Asked, Collected, Reporter } from './types';
import { current } from './current';
import { MinapushError } from './errors';

export { createReporter } from './reporter';
export { current } from './current';
export { wrapperTransport, requestTransport, containerTransport, cloudFunctionTransport } from './transports';
export { MinapushError, isMinapushError } from './errors';
export type { ErrorCode } from './errors';
export type {
  Ask, Asked, Collected, DebugEvent, Open, Options, PermitState, Report, Reporter, ReportItem, Scene, TemplateKind, Transport, TransportAnswer,
  TransportRequest, WxLike,
} from './types';

function needed(): Reporter {
  const r = current();
  if (!r) throw new MinapushError('no_reporter', 'call createReporter first');
  return r;
}

/** {@link Reporter.collect} of the reporter created last. */
export const collect = (formId: unknown, source?: string): Collected => needed().collect(formId, source);

/** {@link Reporter.ask} of the reporter created last. */
export const ask = (what: string | Ask, source?: string): Promise<Asked> => needed().ask(what, source);

/** {@link Reporter.afterPayment} of the reporter created last. */
export const afterPayment = (what: string | Ask, source?: string): Promise<Asked> => needed().afterPayment(what, source);
