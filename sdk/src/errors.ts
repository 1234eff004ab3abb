/**
 * What an error is about:
 * - `invalid_options`: createReporter or ask was called wrongly; `field` names what. The only code that is thrown.
 * - `no_reporter`: a plain function was called before createReporter. Thrown.
 * - `storage`: wx storage did not take what was collected. It is reported from memory, but would not survive a kill.
 * - `transport`: no answer, or one that is not minapush's; `status` is the HTTP status, 0 without any. It is tried again.
 * - `login`: no session token was to be had. It is tried again.
 * - `subscribe`: WeChat refused a subscribe request for a reason that a release has to mend, or banned something; `errCode` is WeChat's.
 */
export type ErrorCode = 'invalid_options' | 'no_reporter' | 'storage' | 'transport' | 'login' | 'subscribe';

/** Every error of this package. All but `invalid_options` and `no_reporter` go to `onError` and are never thrown into a tap. */
export class MinapushError extends Error {
  readonly code!: ErrorCode;
  /** The option that is wrong. */
  readonly field?: string;
  /** HTTP status; 0: there was no answer. */
  readonly status?: number;
  /** WeChat's errCode. */
  readonly errCode?: number;

  constructor(code: ErrorCode, message: string, more?: { field?: string; status?: number; errCode?: number }) {
    super('minapush: ' + message);
    this.name = 'MinapushError';
    Object.assign(this, more, { code });
  }
}

/** Tells this package's errors from others, also across two copies of the package. */
export function isMinapushError(e: unknown): e is MinapushError {
  return !!e && (e as Error).name === 'MinapushError';
}

/** Makes an error and hands it to `onError`. */
export type Fail = (code: ErrorCode, message: string, more?: { status?: number; errCode?: number }) => void;
