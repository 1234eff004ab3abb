// Not run: tsc checks that the published types fit the types of WeChat and what users write.
import { afterPayment, ask, collect, containerTransport, createReporter, isMinapushError, requestTransport, wrapperTransport } from '../miniprogram_dist';
import type { Asked, Options, PermitState, Report, Reporter } from '../miniprogram_dist';
import { explain } from '../miniprogram_dist/explain';

const relay: Reporter = createReporter({
  wx, appid: 'wx1', transport: wrapperTransport(({ body }) => Promise.resolve({ statusCode: 200, data: body })), debug: explain,
});
createReporter({ wx, appid: 'wx1', mode: 'token', token: async () => 'x', transport: requestTransport({ wx, baseUrl: 'https://x' }) });
createReporter({ wx, appid: 'wx1', mode: 'login', transport: containerTransport({ wx: wx as any, env: 'e', service: 's' }) });

const request: typeof wx.request = relay.wrap(wx.request);
void request;

const asked: Promise<Asked> = ask({ templates: ['a'], kind: 'long_term' });
void asked.then((a) => (a.state satisfies PermitState));
void afterPayment('checkout');
void collect('x').reason;
void relay.flush();

// @ts-expect-error a report never names the user
const named: Report = { items: [], openid: 'x' };
void named;
// @ts-expect-error there is no such mode
const mode: Options['mode'] = 'cookie';
void mode;
// @ts-expect-error transport is missing
createReporter({ wx, appid: 'wx1' });

try {
  relay.stop();
} catch (e) {
  if (isMinapushError(e)) void (e.code === 'invalid_options' && e.field);
}
