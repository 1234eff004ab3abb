// The bodies that the server is tested against (api/testdata) are the bodies that the SDK sends.
import fs from 'node:fs'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Bank, Phone, setup } from './phone.mjs'

const server = (name) => JSON.parse(fs.readFileSync(new URL('../../api/testdata/' + name + '.json', import.meta.url), 'utf8'))
const start = Date.UTC(2026, 10, 22, 10)
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => vi.useFakeTimers({ now: start }))
afterEach(() => vi.useRealTimers())

/** What goes over the wire. */
const wire = (v) => JSON.parse(JSON.stringify(v))

it("makes the items of 09-report that an SDK makes, and keeps its junk at the door", async () => {
  const want = server('09-report')
  const { phone, bank, push } = setup({ env: { newNonce: () => 'n-1' } })
  phone.answers = { 'one-time-template': 'accept' }
  push.collect(want.request.items[0].form_id, want.request.items[0].source)
  await vi.advanceTimersByTimeAsync(want.request.items[0].age_ms)
  await phone.tap(() => push.ask({ templates: [want.request.items[1].template] }, want.request.items[1].source))
  phone.answers = { 'one-time-template': 'reject' }
  await phone.tap(() => push.ask({ templates: ['one-time-template'] }))
  expect(push.collect(want.request.items[4].form_id).reason).toBe(want.answer.items[4].reason.code)
  expect(push.collect(want.request.items[5].form_id).reason).toBe(want.answer.items[5].status)
  await push.flush()
  expect(bank.reports[0]).toMatchObject({ method: want.method, path: want.path })
  expect(wire(bank.reports[0].body).items).toEqual([want.request.items[0], want.request.items[1], want.request.items[3]])
})

it('makes a batch of everything: 71-report-sdk', async () => {
  const want = server('71-report-sdk')
  let n = 0
  const phone = new Phone()
  phone.boot({ minapush: want.request.opens[0].message })
  const bank = new Bank()
  bank.status = 0 // nothing leaves until everything is there
  const { push } = setup({ phone, bank, intervalMs: 3600_000, env: { newNonce: () => 'n-' + ++n } })
  await settle()
  phone.answers = { 'one-time-template': 'acceptWithAudio', 'other-template': 'reject' }
  push.collect('fedcba98765432100123456789abcdef', 'pages/goods/goods')
  await vi.advanceTimersByTimeAsync(500)
  await phone.tap(() => push.ask({ templates: ['one-time-template', 'other-template'] }, 'pages/order/order'))
  await phone.tap(() => push.ask({ templates: ['long-term-template'], kind: 'long_term' }, 'pages/order/order'))
  bank.status = 200
  phone.hide()
  await settle()
  expect(bank.reports.at(-1)).toMatchObject({ method: want.method, path: want.path })
  expect(wire(bank.reports.at(-1).body)).toEqual(want.request)
})

it('understands every answer of a report', async () => {
  for (const name of ['09-report', '10-report-relayed', '71-report-sdk']) {
    const { push } = setup({ transport: async () => ({ status: 200, body: server(name).answer }) })
    push.collect('0'.repeat(32))
    await push.flush()
    expect(push.pending()).toBe(0)
  }
  const { push, errors } = setup({ transport: async () => ({ status: 403, body: server('12-report-of-somebody-else').answer }) })
  push.collect('0'.repeat(32))
  await push.flush()
  expect(push.pending()).toBe(1)
  expect(errors[0].status).toBe(403)
})

it('logs in as 07-login, and understands 56-me', async () => {
  const login = server('07-login')
  const me = server('56-me')
  const requests = []
  const phone = new Phone()
  phone.wx.login = (o) => o.success({ code: login.request.code })
  const { push } = setup({
    phone, mode: 'login',
    transport: async (r) => {
      requests.push(r)
      return { status: 200, body: r.call === 'session' ? login.answer : me.answer }
    },
  })
  await settle()
  expect(wire(requests[0])).toMatchObject({ method: login.method, path: login.path, headers: {}, body: login.request })
  expect(requests[1]).toMatchObject({ method: me.method, path: me.path, headers: { Authorization: 'Bearer ' + login.answer.session_token } })
  expect(push.scenes()).toEqual(me.answer.scenes)
  expect(push.state('checkout')).toBe('enough') // 3 of 3
})
