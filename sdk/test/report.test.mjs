import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Bank, form, Phone, setup } from './phone.mjs'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 10) }))
afterEach(() => vi.useRealTimers())

describe('the queue', () => {
  it('survives a kill between the tap and the report', async () => {
    const { phone, bank, push } = setup()
    expect(push.collect(form(1))).toEqual({ collected: true })
    await phone.tap(() => push.ask({ templates: ['a'] }))
    push.stop() // killed: no timer fires, nothing is sent
    await vi.advanceTimersByTimeAsync(2 * HOUR)
    expect(bank.reports).toHaveLength(0)

    phone.boot()
    const again = setup({ phone, bank })
    await settle()
    expect([...bank.permits.keys()]).toHaveLength(2)
    expect(bank.reports[0].body.items[0]).toEqual({ type: 'form', form_id: form(1), age_ms: 2 * HOUR })
    expect(bank.reports[0].body.items[1].age_ms).toBe(2 * HOUR)
    expect(again.push.pending()).toBe(0)
  })

  it('holds what was accepted before the popup has told anybody', async () => {
    const { phone, push } = setup()
    let stored
    const call = phone.wx.requestSubscribeMessage
    phone.wx.requestSubscribeMessage = (o) =>
      call({
        ...o,
        success(res) {
          o.success(res)
          stored = phone.storage.get('minapush.queue.wx0123456789abcdef').list.length // WeChat's callback has not returned yet
        },
      })
    await phone.tap(() => push.ask({ templates: ['a'] }))
    expect(stored).toBe(1)
  })

  it('keeps a report whose answer was lost, and each permit counts once', async () => {
    const { phone, bank, push } = setup()
    bank.loseAnswers = true
    push.collect(form(1))
    await phone.tap(() => push.ask({ templates: ['a'] }))
    push.flush()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(bank.permits.size).toBe(2)
    expect(push.pending()).toBe(2)
    bank.loseAnswers = false
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(bank.reports).toHaveLength(2)
    const [first, second] = bank.reports.map((r) => r.body.items.map(({ age_ms, ...it }) => it))
    expect(second).toEqual(first)
    expect(bank.permits.size).toBe(2)
    expect(push.pending()).toBe(0)
  })

  it('counts once also if it was killed after the server had taken the report', async () => {
    const { phone, bank, push } = setup()
    bank.loseAnswers = true
    await phone.tap(() => push.ask({ templates: ['a'] }))
    push.flush()
    await settle()
    expect(bank.permits.size).toBe(1)
    push.stop()
    bank.loseAnswers = false
    phone.boot()
    setup({ phone, bank })
    await settle()
    expect(bank.reports).toHaveLength(2)
    expect(bank.permits.size).toBe(1)
  })

  it('waits while the server is down, longer each time, and loses nothing', async () => {
    const { bank, push, errors } = setup({ env: { random: () => 1 } })
    bank.status = 502
    push.collect(form(1))
    await push.flush()
    const at = []
    for (let i = 0; i < 2000 && bank.reports.length < 10; i++) {
      const n = bank.reports.length
      await vi.advanceTimersByTimeAsync(1000)
      if (bank.reports.length > n) at.push(Math.round((Date.now() - Date.UTC(2026, 10, 22, 10)) / 1000))
    }
    expect(at).toEqual([2, 6, 14, 30, 62, 126, 254, 510, 810])
    expect(errors[0]).toMatchObject({ name: 'MinapushError', code: 'transport', status: 502 })
    bank.status = 200
    await vi.advanceTimersByTimeAsync(5 * MINUTE)
    expect(bank.permits.size).toBe(1)
  })

  it.each([[429, '120'], [503, '120'], [503, new Date(Date.UTC(2026, 10, 22, 10, 2)).toUTCString()]])(
    'keeps to Retry-After of a %i (%s), also on hide and show', async (status, value) => {
      const { phone, bank, push } = setup()
      bank.status = status
      bank.headers = { 'Retry-After': value }
      push.collect(form(1))
      await push.flush()
      bank.status = 200
      phone.hide()
      phone.show()
      push.flush()
      await vi.advanceTimersByTimeAsync(119_000)
      expect(bank.reports).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(12_000)
      expect(bank.permits.size).toBe(1)
    })

  it('ends its own patience when the mini program comes to the front', async () => {
    const { phone, bank, push } = setup()
    bank.status = 0
    for (let i = 1; i < 9; i++) {
      push.collect(form(i))
      phone.show()
      await settle()
    }
    expect(bank.reports).toHaveLength(8)
    bank.status = 200
    phone.show()
    await settle()
    expect(push.pending()).toBe(0)
  })

  it.each([[200, undefined], [200, { code: 0 }], [204, undefined], [200, '<html>']])(
    'does not take a %i with %j for an answer of minapush', async (status, body) => {
      const { push } = setup({ transport: async () => ({ status, body }) })
      push.collect(form(1))
      await push.flush()
      expect(push.pending()).toBe(1)
    })

  it('outlives a transport that throws, rejects or answers nothing', async () => {
    for (const transport of [() => { throw new Error('x') }, () => Promise.reject(new Error('x')), () => undefined, async () => null]) {
      const { push } = setup({ transport })
      push.collect(form(1))
      await push.flush()
      expect(push.pending()).toBe(1)
    }
  })

  it('sends one report at a time, and after it what came meanwhile', async () => {
    const { bank, push } = setup()
    let open
    bank.gate = new Promise((go) => (open = go))
    push.collect(form(1))
    push.flush()
    push.collect(form(2))
    push.flush()
    await settle()
    expect(bank.reports).toHaveLength(1)
    open()
    await settle()
    expect(bank.reports.map((r) => r.body.items.length)).toEqual([1, 1])
    expect(bank.permits.size).toBe(2)
  })

  it('leaves when it is full, at the latest after the interval, and on hide', async () => {
    const { phone, bank, push } = setup({ batchSize: 3, intervalMs: 15_000 })
    push.collect(form(1))
    await vi.advanceTimersByTimeAsync(14_000)
    expect(bank.reports).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1000)
    expect(bank.reports).toHaveLength(1)
    for (const n of [2, 3, 4]) push.collect(form(n))
    await settle()
    expect(bank.reports).toHaveLength(2)
    push.collect(form(5))
    phone.hide()
    await settle()
    expect(bank.reports).toHaveLength(3)
  })

  it("leaves beside the team's own request", async () => {
    const { bank, push } = setup()
    const calls = []
    const api = { base: '/x', request(path) { calls.push(this.base + path); return 'answer' } }
    api.request = push.wrap(api.request)
    push.collect(form(1))
    expect(api.request('/goods')).toBe('answer')
    expect(calls).toEqual(['/x/goods'])
    await settle()
    expect(bank.permits.size).toBe(1)
    api.request('/goods')
    await settle()
    expect(bank.reports).toHaveLength(1) // there was nothing to report
  })

  it('does not report in circles if the transport is made of the wrapped request', async () => {
    const bank = new Bank()
    let wrapped
    const { push } = setup({ bank, transport: (r) => wrapped(r) })
    wrapped = push.wrap(bank.transport)
    bank.status = 500
    push.collect(form(1))
    await push.flush()
    await settle()
    expect(bank.reports).toHaveLength(1)
  })

  it('halves a report that is too large', async () => {
    const bank = new Bank()
    const sizes = []
    const transport = async (r) => {
      sizes.push(r.body.items.length)
      return r.body.items.length > 30 ? { status: 413 } : bank.transport(r)
    }
    const { push } = setup({ transport, batchSize: 100 })
    for (let n = 0; n < 100; n++) push.collect(form(n))
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(sizes.slice(0, 3)).toEqual([100, 50, 25])
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    expect(bank.permits.size).toBe(100)
  })

  it('drops the oldest when too many wait, and what is over', async () => {
    const { bank, push, events } = setup({ maxQueue: 3, batchSize: 100, intervalMs: 20 * DAY })
    for (const n of [1, 2, 3, 4]) push.collect(form(n))
    expect(push.pending()).toBe(3)
    expect(events).toContainEqual(expect.objectContaining({ what: 'dropped', why: 'too_many' }))
    await vi.advanceTimersByTimeAsync(7 * DAY - HOUR - 1)
    push.collect(form(5))
    await vi.advanceTimersByTimeAsync(1)
    await push.flush()
    expect([...bank.permits.keys()]).toEqual([form(5)])
    expect(events).toContainEqual(expect.objectContaining({ what: 'dropped', why: 'expired' }))
  })

  it('drops what the server refused', async () => {
    const { phone, bank, push } = setup()
    phone.answers = { a: 'reject' }
    await phone.tap(() => push.ask({ templates: ['a'] }))
    await push.flush()
    expect(bank.permits.size).toBe(0)
    expect(push.pending()).toBe(0)
  })

  it('works on without storage, and says so', async () => {
    const phone = new Phone()
    phone.storageFails = true
    const { bank, push, errors } = setup({ phone })
    push.collect(form(1))
    await push.flush()
    expect(bank.permits.size).toBe(1)
    expect(errors[0]).toMatchObject({ code: 'storage' })
  })

  it('is not hurt by listeners that throw', async () => {
    const thrown = vi.spyOn(console, 'error').mockImplementation(() => {})
    const boom = () => { throw new Error('boom') }
    const { phone, bank, push } = setup({ debug: boom, onError: boom })
    bank.status = 500
    push.collect(form(1))
    await push.flush()
    bank.status = 200
    phone.answers = { a: 'ban', b: 'accept' }
    expect(await phone.tap(() => push.ask({ templates: ['a', 'b'] }))).toMatchObject({ state: 'accepted' })
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(bank.permits.size).toBe(2)
    expect(thrown).toHaveBeenCalled()
    thrown.mockRestore()
  })

  it.each([['nothing', ''], ['another version', { v: 2, list: 'x' }], ['a string', 'x'], ['null', null], ['a broken list', { v: 1, at: 0, list: 'x' }]])('starts empty from %s in storage', (_, stored) => {
    const phone = new Phone()
    phone.storage.set('minapush.queue.wx0123456789abcdef', stored)
    phone.storage.set('minapush.memory.wx0123456789abcdef', stored)
    expect(setup({ phone }).push.pending()).toBe(0)
  })
})

describe('ages', () => {
  const age = async (move) => {
    const { bank, push, phone } = setup({ intervalMs: 20 * DAY })
    push.collect(form(1))
    await move(phone, push)
    await push.flush()
    return bank.reports[0]?.body.items[0].age_ms
  }
  const clock = (ms) => vi.setSystemTime(Date.now() + ms)

  it('grow with time', async () => expect(await age(() => vi.advanceTimersByTimeAsync(90_000))).toBe(90_000))
  it('are absent for what is fresh', async () => expect(await age(() => {})).toBeUndefined())
  it('do not shrink when the clock is set back', async () => {
    expect(await age(async (_, push) => {
      await vi.advanceTimersByTimeAsync(HOUR)
      push.collect(form(2))
      clock(-DAY)
      push.collect(form(3))
      await vi.advanceTimersByTimeAsync(MINUTE)
    })).toBe(HOUR + MINUTE)
  })
  it('are never negative after a kill and a clock set back', async () => {
    const { phone, bank, push } = setup()
    push.collect(form(1))
    push.stop()
    clock(-3 * DAY)
    phone.boot()
    setup({ phone, bank })
    await settle()
    expect(bank.reports[0].body.items[0]).toEqual({ type: 'form', form_id: form(1) })
  })
})

describe('form ids', () => {
  it.each([
    ['the formId is a mock one', 'mock_code'], ['requestFormId:fail timeout', 'client_failed'], ['requestFormId:fail deprecated', 'client_failed'],
    ['the formId is no longer available in develop or trial version of this mini program', 'trial_version'], ['undefined', 'empty_code'],
    ['null', 'empty_code'], ['', 'empty_code'], [undefined, 'empty_code'], [null, 'empty_code'], [7, 'empty_code'], ['1508392837549', 'not_a_form_id'],
    ['0123456789ABCDEF0123456789ABCDEF', 'not_a_form_id'],
  ])('%j is dropped at the door: %s', (code, reason) => {
    const { push, events, phone } = setup()
    expect(push.collect(code)).toEqual({ collected: false, reason })
    expect(push.pending()).toBe(0)
    expect(events).toContainEqual({ what: 'dropped', why: reason, data: code })
    expect(phone.storage.has('minapush.queue.wx0123456789abcdef')).toBe(false)
  })

  it('is kept once', () => {
    const { push } = setup()
    push.collect(form(1))
    expect(push.collect(form(1))).toEqual({ collected: false, reason: 'duplicate' })
    expect(push.pending()).toBe(1)
  })
})

describe('opens', () => {
  it('are reported at launch with their age, once though show tells the same', async () => {
    const phone = new Phone()
    phone.boot({ minapush: 'c-2026', other: 'x' })
    const { bank, push } = setup({ phone })
    phone.show({ minapush: 'c-2026' })
    await settle()
    phone.hide()
    phone.show({ minapush: 'c-2026' })
    await settle()
    expect(bank.reports).toHaveLength(1)
    expect(bank.reports[0].body).toEqual({ items: [], opens: [{ message: 'c-2026', age_ms: 0, nonce: expect.stringMatching(/^[!-~]{1,64}$/) }] })
    expect(push.pending()).toBe(0)
  })

  it('are reported on show, survive a kill, and keep their nonce', async () => {
    const { phone, bank, push } = setup()
    bank.status = 500
    phone.show({ minapush: 'p-1' })
    await settle()
    push.stop()
    await vi.advanceTimersByTimeAsync(HOUR)
    bank.status = 200
    phone.boot()
    setup({ phone, bank })
    await settle()
    const [first, second] = bank.reports.map((r) => r.body.opens[0])
    expect(second).toEqual({ ...first, age_ms: HOUR })
  })

  it('of another launch are others', async () => {
    const { phone, bank, push } = setup()
    phone.show({ minapush: 'p-1' })
    push.stop()
    phone.boot({ minapush: 'p-1' })
    setup({ phone, bank })
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(bank.opens.size).toBe(2)
  })

  it.each([['a'.repeat(65)], ['x y'], ['活动'], [''], [undefined]])('%j is no message', (message) => {
    const { phone, push } = setup()
    phone.show({ minapush: message })
    expect(push.pending()).toBe(0)
  })
})

describe('who the user is', () => {
  it('relay mode: no token, no wx.login, no openid', async () => {
    const { phone, bank, push } = setup()
    push.collect(form(1))
    await push.flush()
    expect(phone.logins).toBe(0)
    expect(bank.requests.map((r) => r.call)).toEqual(['reports'])
    expect(bank.requests[0]).toMatchObject({ method: 'POST', path: '/v1/apps/wx0123456789abcdef/reports', headers: {} })
    expect(JSON.stringify(bank.requests[0].body)).not.toContain('openid')
  })

  it("token mode: the backend's token, renewed once when it is refused, no wx.login", async () => {
    const { phone, bank, push } = setup({ mode: 'token', scenes: false, token: vi.fn(async () => 'a.' + ++n + '.c') })
    bank.tokens = ['Bearer a.2.c']
    push.collect(form(1))
    await push.flush()
    expect(bank.reports.map((r) => r.headers.Authorization)).toEqual(['Bearer a.1.c', 'Bearer a.2.c'])
    expect(bank.permits.size).toBe(1)
    expect(phone.logins).toBe(0)
  })
  let n = 0

  it('login mode: one wx.login, kept for the next launch', async () => {
    const { phone, bank, push } = setup({ mode: 'login' })
    push.collect(form(1))
    await push.flush()
    await settle()
    expect(bank.requests.filter((r) => r.call === 'session')).toHaveLength(1)
    push.stop()
    phone.boot()
    const again = setup({ phone, bank, mode: 'login' })
    again.push.collect(form(2))
    await again.push.flush()
    expect(phone.logins).toBe(1)
    expect(bank.permits.size).toBe(2)
  })

  it('a login that fails loses nothing and does not go round in circles', async () => {
    const { phone, bank, push, errors } = setup({ mode: 'login', scenes: false })
    bank.status = 400
    push.collect(form(1))
    await push.flush()
    expect(phone.logins).toBe(1)
    expect(push.pending()).toBe(1)
    expect(errors[0]).toMatchObject({ code: 'login' })
    bank.status = 200
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(bank.permits.size).toBe(1)
  })
})

describe('options', () => {
  it.each([
    ['wx', { wx: undefined }], ['appid', { appid: '' }], ['appid', { appid: 'a/b' }], ['transport', { transport: 'x' }], ['mode', { mode: 'other' }],
    ['token', { mode: 'token' }], ['token', { token: async () => '' }], ['maxTemplates', { maxTemplates: 6 }], ['timeoutMs', { timeoutMs: 'x' }],
    ['batchSize', { batchSize: 0 }],
  ])('%s is named when it is wrong: %j', (field, wrong) => {
    expect(() => setup(wrong)).toThrow(expect.objectContaining({ name: 'MinapushError', code: 'invalid_options', field }))
  })

  it('plain functions want a reporter', () => {
    const { sdk, push } = setup()
    expect(sdk.collect(form(1))).toEqual({ collected: true })
    push.stop()
    try {
      sdk.collect(form(2))
      expect.unreachable()
    } catch (e) {
      expect(sdk.isMinapushError(e) && e.code).toBe('no_reporter')
    }
  })
})
