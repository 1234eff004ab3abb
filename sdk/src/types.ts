import type { MinapushError } from './errors';

/** The part of the global `wx` that is used. `uni` and `Taro` fit as well. What is missing is done without. */
export interface WxLike {
  getStorageSync(key: string): any;
  setStorageSync(key: string, value: any): void;
  requestSubscribeMessage?(o: { tmplIds: string[]; success?(res: any): void; fail?(err: any): void }): any;
  getSetting?(o: { withSubscriptions?: boolean; success?(res: any): void; fail?(err: any): void }): any;
  openSetting?(o: { withSubscriptions?: boolean; success?(res: any): void; fail?(err: any): void }): any;
  login?(o: { success?(res: any): void; fail?(err: any): void }): any;
  onAppShow?(listener: (options: any) => void): any;
  onAppHide?(listener: (options?: any) => void): any;
  offAppShow?(listener?: any): any;
  offAppHide?(listener?: any): any;
  getEnterOptionsSync?(): any;
}

/** One item of a report, as it is sent (api/report.go). */
export interface ReportItem {
  /** A form id, the answer for a one-time template, or the answer for a long-term template. */
  type: 'form' | 'subscribe' | 'standing';
  form_id?: string;
  template?: string;
  /** What WeChat answered: accept, acceptWithAudio, acceptWithAlert, acceptWithForcePush, reject, ban or filter. */
  result?: string;
  /** Tells this item from all others of the user, so that a retry counts once. Form ids tell themselves apart. */
  nonce?: string;
  /** How long ago the tap was, in milliseconds; absent: just now. */
  age_ms?: number;
  /** The page or button. */
  source?: string;
}

/** That the user came in by a message, as it is sent. */
export interface Open {
  /** The id of the campaign or push, from the page link's query. */
  message: string;
  age_ms: number;
  nonce: string;
}

/** The body of `POST reports`. It never names the user: the server, or your backend, does. */
export interface Report {
  items: ReportItem[];
  opens?: Open[];
}

/** One call that a transport has to make. */
export interface TransportRequest {
  call: 'reports' | 'me' | 'session';
  method: 'GET' | 'POST';
  /** Below the server's base URL, such as `/v1/apps/wx…/reports`. A relay has its own address and ignores it. */
  path: string;
  /** `Authorization` in token and login mode; none in relay mode. */
  headers: Record<string, string>;
  /** To be sent as JSON, unchanged. Absent for `me`. */
  body?: Report | { code: string };
  /** After how long the SDK will not wait any more, in milliseconds. */
  timeoutMs: number;
}

/** What came back. */
export interface TransportAnswer {
  /** HTTP status; 0: there was no answer. */
  status: number;
  /** `Retry-After` is looked at, in any case of letters. */
  headers?: Record<string, any>;
  /** Parsed JSON. */
  body?: unknown;
}

/** Makes one call. It may reject, which is the same as a status of 0. */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>;

/** Kind of the templates of one request: WeChat does not mix them. */
export type TemplateKind = 'one_time' | 'long_term';

/** A place in the mini program that asks, as operators set it on the server (`PUT scenes/{name}`). */
export interface Scene {
  name: string;
  /** 1 to 3 template ids of one kind. */
  templates: string[];
  /** @default 'one_time' */
  kind?: TemplateKind;
  /** The balance at which the user is not asked any more. @default 1 */
  target?: number;
  /** For how long the user is not asked after a refusal, in seconds; -1: at once. @default 604800 */
  cool_down_seconds?: number;
}

/** What to ask for: the name of a scene, or template ids in the code. */
export interface Ask {
  scene?: string;
  templates?: string[];
  /** @default 'one_time'; a scene knows its own */
  kind?: TemplateKind;
  /** @default 1; a scene knows its own */
  target?: number;
  /** @default Options.coolDownSeconds; a scene knows its own */
  coolDownSeconds?: number;
}

/**
 * How it stands, before or after asking. Before, as `state()` tells it:
 * - `askable`: a tap would open the popup
 * - `silent`: the user ticked 「总是保持以上选择」 for accept: each tap earns a permit without a popup
 * - `enough`: the balance has reached the target
 * - `coolingDown`: the user refused a short while ago
 * - `capped`: enough silent permits for today
 * - `rejectedForever`: the user ticked 「总是保持以上选择」 for refuse; only the settings page changes that
 * - `blockedByMainSwitch`: the user switched off all subscribe messages (20004): offer `openSettings()`
 * - `banned`: WeChat banned the template, or the mini program (20005) from asking
 * - `unknownScene`: the scene is not on the server, or has not been loaded yet
 * - `unsupported`: this version of WeChat cannot ask
 *
 * After, as `ask()` answers:
 * - `accepted`: at least one template was accepted
 * - `refused`: none was
 * - `busy`: another request was open
 * - `notATap`: not called in a tap's own call stack, or in the payment callback
 * - `background`: the mini program was not in front (10005): ask at the next tap
 * - `offline`: the list could not be fetched (10002): nothing happened
 * - `uncertain`: the choice could not be posted (10003): WeChat may have counted it
 * - `invalid`: the ids are wrong, mixed or too many (10001, 10004, 20001, 20002, 20003, 20013): see `onError`
 * - `failed`: anything else
 */
export type PermitState =
  | 'askable' | 'silent' | 'enough' | 'coolingDown' | 'capped' | 'rejectedForever' | 'blockedByMainSwitch' | 'banned' | 'unknownScene'
  | 'unsupported' | 'accepted' | 'refused' | 'busy' | 'notATap' | 'background' | 'offline' | 'uncertain' | 'invalid' | 'failed';

/** What became of asking. Nothing that WeChat answers is thrown. */
export interface Asked {
  state: PermitState;
  /** Whether WeChat was called without a popup to be expected. */
  silent: boolean;
  /** The templates that were accepted: one permit each, already stored. */
  accepted: string[];
  /** What WeChat said of each template; empty if it was not called, or failed. */
  results: Record<string, string>;
  errCode?: number;
  errMsg?: string;
}

/** What became of a form id. `reason` says why it was dropped. */
export interface Collected {
  collected: boolean;
  reason?: 'empty_code' | 'mock_code' | 'client_failed' | 'trial_version' | 'not_a_form_id' | 'duplicate';
}

/** One line of the debug mode. */
export interface DebugEvent {
  what: 'collected' | 'dropped' | 'asked' | 'notAsked' | 'opened' | 'reported' | 'waiting' | 'scenes' | 'error';
  /** A stable name of the reason: a PermitState, a reason of Collected or of the server, an HTTP status. */
  why?: string;
  data?: unknown;
}

/** Clock and chance. Only tests have a reason to give other ones. */
export interface Env {
  /** Wall clock, milliseconds. */
  now(): number;
  random(): number;
  newNonce(): string;
}

/** Options of createReporter. */
export interface Options {
  /** The global `wx` (or `uni`, or `Taro`). Nothing of it is patched. */
  wx: WxLike;
  /** The mini program's appid. It names the storage keys and the paths. */
  appid: string;
  /** How calls are made: one of the ready-made transports, or your own function. */
  transport: Transport;
  /**
   * Who says which user it is. `relay`: your backend adds its key and the openid; no token, no wx.login. `token`: your backend hands out
   * session tokens (`POST session-tokens`), see `token`. `login`: the SDK calls `wx.login` and trades the code for a token. Take `login`
   * only if the mini program has no login of its own: trading a second code can make the session_key that your backend holds invalid.
   * @default 'relay'
   */
  mode?: 'relay' | 'token' | 'login';
  /** Token mode: fetches a session token from your backend. It is called when there is none and when the server refuses the last one. */
  token?: () => Promise<string>;
  /**
   * Whether `GET me` is asked at launch for scenes and balance, or scenes kept in the code. Your relay has to pass `me` on for `true`.
   * @default true in token and login mode, false in relay mode
   */
  scenes?: boolean | Scene[];
  /** For how long a user who refused is not asked, in seconds, where the scene does not say; -1: at once. @default 604800 */
  coolDownSeconds?: number;
  /** How many silent permits per template and day an 「总是保持以上选择」 user's taps earn; 0: none. @default 5 */
  topUpsPerDay?: number;
  /** Template ids per request: 3 in old versions of WeChat, 5 in new ones. @default 3 */
  maxTemplates?: number;
  /** A report leaves at once when so many items wait, 1 to 100. @default 20 */
  batchSize?: number;
  /** A report leaves after so many milliseconds at the latest. @default 15000 */
  intervalMs?: number;
  /** An answer is waited for so many milliseconds. @default 10000 */
  timeoutMs?: number;
  /** Items kept; beyond that the oldest are dropped. @default 300 */
  maxQueue?: number;
  /** Items are dropped so many milliseconds before the 7 days are over. @default 3600000 */
  expiryMarginMs?: number;
  /** The query parameter of page links that names the campaign or push. @default 'minapush' */
  openParam?: string;
  /**
   * Tells what happens and why nothing was collected: true prints the names of DebugEvent; `explain` of `minapush-miniprogram/explain`
   * prints sentences. @default false
   */
  debug?: boolean | ((event: DebugEvent) => void);
  /** Is told of what went wrong. @default nothing */
  onError?: (error: MinapushError) => void;
  /** Clock and chance, for tests. @default those of the phone */
  env?: Partial<Env>;
}

/** Options with their defaults. */
export type Settled = Options & Required<Pick<Options,
  'mode' | 'coolDownSeconds' | 'topUpsPerDay' | 'maxTemplates' | 'batchSize' | 'intervalMs' | 'timeoutMs' | 'maxQueue' | 'expiryMarginMs' | 'openParam'>>;

/** Collects, keeps and reports the permits of one user of one mini program. */
export interface Reporter {
  /** Takes the `e.detail.formId` of a form's submit. What WeChat never issued is dropped. It is stored when this returns. */
  collect(formId: unknown, source?: string): Collected;
  /**
   * Asks for subscribe permits. Call it in the tap's own handler, before any `await`, timer or callback. What was accepted is stored
   * before the promise resolves.
   */
  ask(what: string | Ask, source?: string): Promise<Asked>;
  /** Asks in the success callback of `wx.requestPayment`, where WeChat allows it without a tap. */
  afterPayment(what: string | Ask, source?: string): Promise<Asked>;
  /** What asking would do now. It calls nothing. */
  state(what: string | Ask): PermitState;
  /** Reports what waits, unless a report is under way or the server asked to wait. Never rejects. */
  flush(): Promise<void>;
  /** Wraps your own request function, so that reports leave beside your requests while the radio is on. */
  wrap<F extends (...args: any[]) => any>(request: F): F;
  /** Notes that the user came in by a message. Launch and show do so by themselves, from the page link's query. */
  opened(message: string): void;
  /** Opens WeChat's settings page, for `blockedByMainSwitch` and `rejectedForever`. Call it in a tap. Resolves when it was closed. */
  openSettings(): Promise<void>;
  /** The scenes that are known now. */
  scenes(): Scene[];
  /** How many items and opens wait to be reported. */
  pending(): number;
  /** Ends timers and listeners. What waits stays in storage. */
  stop(): void;
}
