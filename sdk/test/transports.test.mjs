import { describe, expect, it } from 'vitest'
import { form, load, Phone } from './phone.mjs'

const sdk = load()
const request = { call: 'reports', method: 'POST', path: '/v1/apps/wx1/reports', headers: { Authorization: 'Bearer t' }, body: { items: [] }, timeoutMs: 5000 }
const answer = { accepted: 0, duplicate: 0, evicted: 0, refused: 0, items: [] }

describe("the team's own request function", () => {
  it.each([
    ['the body', async () => answer, { status: 200, body: answer }],
    ['an answer of wx.request', async () => ({ statusCode: 429, header: { 'Retry-After': '3' }, data: 'x' }), { status: 429, headers: { 'Retry-After': '3' }, body: 'x' }],
    ['an answer of axios', async () => ({ status: 200, headers: {}, data: answer }), { status: 200, headers: {}, body: answer }],
    ['a problem as its body', async () => ({ type: 'x', status: 503, code: 'unavailable' }), { status: 503 }],
    ['a rejection with a status', () => Promise.reject({ statusCode: 503, header: { 'retry-after': 7 } }), { status: 503, headers: { 'retry-after': 7 } }],
    ['a rejection of axios', () => Promise.reject({ response: { status: 401, data: '' } }), { status: 401 }],
    ['a rejection without one', () => Promise.reject(new Error('timeout')), { status: 0 }],
    ['a rejection with nothing', () => Promise.reject(), { status: 0 }],
  ])('may give %s', async (_, send, want) => {
    expect(await sdk.wrapperTransport(send)(request)).toMatchObject(want)
  })
})

describe('wx.request', () => {
  const calls = []
  const wx = { request: (o) => { calls.push(o); o.success({ statusCode: 200, header: {}, data: answer }) } }

  it('goes to minapush itself by its base URL', async () => {
    const t = sdk.requestTransport({ wx, baseUrl: 'https://push.example.com/base' })
    expect(await t(request)).toMatchObject({ status: 200, body: answer })
    expect(calls.pop()).toMatchObject({
      url: 'https://push.example.com/base/v1/apps/wx1/reports', method: 'POST', data: { items: [] }, timeout: 5000,
      header: { 'content-type': 'application/json', Authorization: 'Bearer t' },
    })
  })

  it('goes to a relay by an address of its own, with the headers of its own login', async () => {
    const t = sdk.requestTransport({ wx, urls: { reports: 'https://api.example.com/push-reports' }, headers: () => ({ 'X-Login': 'me' }) })
    await t({ ...request, headers: {} })
    expect(calls.pop()).toMatchObject({ url: 'https://api.example.com/push-reports', header: { 'X-Login': 'me' } })
    expect(await t({ ...request, call: 'me' })).toEqual({ status: 404 })
    expect(calls).toEqual([])
  })

  it('has no answer when it fails', async () => {
    const t = sdk.requestTransport({ wx: { request: (o) => o.fail({ errMsg: 'request:fail timeout' }) }, baseUrl: 'https://x' })
    expect(await t(request)).toEqual({ status: 0 })
  })
})

it('wx.cloud.callContainer names environment and service', async () => {
  let call
  const wx = { cloud: { callContainer: (o) => { call = o; return Promise.resolve(o.success({ statusCode: 200, data: answer })) } } }
  const t = sdk.containerTransport({ wx, env: 'prod-1', service: 'api', path: '/push-reports' })
  expect(await t(request)).toMatchObject({ status: 200, body: answer })
  expect(call).toMatchObject({ config: { env: 'prod-1' }, path: '/push-reports', method: 'POST', header: { 'X-WX-SERVICE': 'api' }, data: { items: [] } })
})

it('a cloud function gets the call and gives the answer', async () => {
  let call
  const wx = { cloud: { callFunction: (o) => { call = o; o.success({ result: { statusCode: 429, headers: { 'retry-after': '9' }, body: '' } }) } } }
  expect(await sdk.cloudFunctionTransport({ wx, name: 'push' })(request)).toMatchObject({ status: 429, headers: { 'retry-after': '9' } })
  expect(call).toMatchObject({ name: 'push', data: { call: 'reports', body: { items: [] } } })
})

it('a promise that comes beside the callbacks is never left unhandled', async () => {
  const fail = () => Promise.reject(new Error('beside'))
  expect(await sdk.requestTransport({ wx: { request: fail }, baseUrl: 'https://x' })(request)).toEqual({ status: 0 })
  const phone = new Phone()
  Object.assign(phone.wx, { getSetting: fail, openSetting: fail, requestSubscribeMessage: fail })
  const push = sdk.createReporter({ wx: phone.wx, appid: 'wx1', transport: async () => ({ status: 200, body: answer }) })
  await push.openSettings()
  expect(await push.ask({ templates: ['a'] })).toMatchObject({ state: 'failed' })
  push.collect(form(1))
  await push.flush()
  push.stop()
})
