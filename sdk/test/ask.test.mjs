import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Bank, Phone, setup } from './phone.mjs'

const DAY = 24 * 3600_000
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 10) }))
afterEach(() => vi.useRealTimers())

const ask = async ({ phone, push }, what = { templates: ['a'] }) => {
  const asked = await phone.tap(() => push.ask(what))
  await settle()
  return asked
}
const kept = (phone) => (phone.storage.get('minapush.queue.wx0123456789abcdef')?.list ?? []).map((w) => w.item)

/** The answer of GET me. */
const me = (scene, balance = []) => ({ openid: 'oUser', balance, scenes: [{ name: 'checkout', templates: ['a'], target: 1, cool_down_seconds: 604800, ...scene }] })
const withScene = async (scene, balance, options = {}) => {
  const bank = options.bank ?? new Bank()
  bank.me = me(scene, balance)
  const it = setup({ scenes: true, ...options, bank })
  await settle()
  return it
}

describe('asking', () => {
  it('calls WeChat in the same call stack, and every accept* is a permit', async () => {
    const it = setup()
    it.phone.answers = { a: 'accept', b: 'acceptWithAudio', c: 'acceptWithAlert', d: 'acceptWithForcePush' }
    expect(await ask(it, { templates: ['a', 'b', 'c'] })).toEqual({
      state: 'accepted', silent: false, accepted: ['a', 'b', 'c'], results: { a: 'accept', b: 'acceptWithAudio', c: 'acceptWithAlert' },
    })
    await ask(it, { templates: ['d'] })
    const nonces = kept(it.phone).map((i) => i.nonce)
    expect(new Set(nonces).size).toBe(4)
    expect(nonces.every((n) => /^[!-~]{1,64}$/.test(n) && !n.includes('#'))).toBe(true)
  })

  it('outside a tap nothing is asked, and the debug mode says why', async () => {
    const { push, events } = setup()
    expect(await push.ask({ templates: ['a'] })).toMatchObject({ state: 'notATap', accepted: [] })
    expect(events).toContainEqual(expect.objectContaining({ what: 'notAsked', why: 'notATap' }))
  })

  it('reports refusals without a nonce, and asks again after the cool-down', async () => {
    const it = setup()
    it.phone.answers = { a: 'reject', b: 'accept' }
    expect((await ask(it, { templates: ['a', 'b'] })).state).toBe('accepted')
    expect(kept(it.phone)[0]).toEqual({ type: 'subscribe', template: 'a', result: 'reject' })
    expect(it.push.state({ templates: ['a'] })).toBe('coolingDown')
    expect(it.push.state({ templates: ['a', 'b'] })).toBe('askable') // for b alone
    await ask(it, { templates: ['a', 'b'] })
    expect(it.phone.popups).toEqual([['a', 'b'], ['b']])
    vi.setSystemTime(Date.now() + 7 * DAY - 1)
    expect(await ask(it)).toMatchObject({ state: 'coolingDown' })
    vi.setSystemTime(Date.now() + 1)
    expect(it.push.state({ templates: ['a'] })).toBe('askable')
  })

  it('remembers a refusal over a kill; -1 asks at once', async () => {
    const it = setup()
    it.phone.answers = { a: 'reject' }
    expect((await ask(it)).state).toBe('refused')
    it.push.stop()
    it.phone.boot()
    const again = setup({ phone: it.phone })
    expect(again.push.state({ templates: ['a'] })).toBe('coolingDown')
    expect(again.push.state({ templates: ['a'], coolDownSeconds: -1 })).toBe('askable')
  })

  it.each([[undefined, 3], [5, 5]])('gives WeChat at most so many ids: %s', async (maxTemplates, n) => {
    const it = setup({ maxTemplates })
    await ask(it, { templates: ['a', 'b', 'b', 'c', 'd', 'e', 'f'] })
    expect(it.phone.popups[0]).toHaveLength(n)
  })

  it('never mixes kinds', async () => {
    const it = setup()
    await ask(it, { templates: ['a'] })
    await ask(it, { templates: ['l'], kind: 'long_term' })
    expect(kept(it.phone).map((i) => i.type)).toEqual(['subscribe', 'standing'])
    expect(await ask(it, { templates: ['a', 'l'] })).toMatchObject({ state: 'invalid' })
    expect(it.phone.popups).toHaveLength(2)
  })

  it('has one request open at a time, and is not stuck if WeChat never answers', async () => {
    const it = setup()
    it.phone.hold = true
    const first = it.phone.tap(() => it.push.ask({ templates: ['a'] }))
    expect(await ask(it, { templates: ['b'] })).toMatchObject({ state: 'busy' })
    it.phone.open()
    expect((await first).state).toBe('accepted')
    it.phone.tap(() => it.push.ask({ templates: ['a'] })) // never answered
    it.phone.open = undefined
    await vi.advanceTimersByTimeAsync(60_000)
    it.phone.hold = false
    expect(await ask(it, { templates: ['b'] })).toMatchObject({ state: 'accepted' })
  })

  it.each([
    [10001, 'invalid', true], [10002, 'offline', false], [10003, 'uncertain', false], [10004, 'invalid', true], [10005, 'background', false],
    [20001, 'invalid', true], [20002, 'invalid', true], [20003, 'invalid', true], [20004, 'blockedByMainSwitch', false], [20005, 'banned', true],
    [20013, 'invalid', true], [undefined, 'failed', false],
  ])('errCode %s is %s', async (errCode, state, alarm) => {
    const it = setup()
    it.phone.failWith = { errCode, errMsg: 'requestSubscribeMessage:fail something' }
    expect(await ask(it)).toMatchObject({ state, errCode, accepted: [] })
    expect(it.errors.some((e) => e.code === 'subscribe' && e.errCode === errCode)).toBe(alarm)
    expect(it.push.pending()).toBe(0)
  })

  it('an exception of wx is an answer', async () => {
    const it = setup()
    it.phone.wx.requestSubscribeMessage = () => { throw new Error('broken') }
    expect(await ask(it)).toMatchObject({ state: 'failed', errMsg: 'broken' })
    it.phone.wx.requestSubscribeMessage = undefined
    expect(await ask(it)).toMatchObject({ state: 'unsupported' })
  })

  it('takes ban and filter for what they are', async () => {
    const it = setup()
    it.phone.answers = { a: 'ban', b: 'filter', c: 'accept' }
    expect(await ask(it, { templates: ['a', 'b', 'c'] })).toMatchObject({ state: 'accepted', accepted: ['c'] })
    expect(it.errors.map((e) => e.code)).toEqual(['subscribe', 'subscribe'])
    expect(it.push.state({ templates: ['a'] })).toBe('banned')
    expect(kept(it.phone).map((i) => i.result)).toEqual(['ban', 'filter', 'accept'])
  })

  it('stops asking when the mini program is banned', async () => {
    const it = setup()
    it.phone.failWith = { errCode: 20005, errMsg: 'banned' }
    await ask(it)
    await ask(it, { templates: ['b'] })
    expect(it.phone.popups).toHaveLength(1)
  })

  it('the main switch: no call until the settings page has been there', async () => {
    const it = setup()
    it.phone.mainSwitch = false
    it.phone.failWith = { errCode: 20004, errMsg: 'The main switch is switched off' }
    expect(await ask(it)).toMatchObject({ state: 'blockedByMainSwitch', errCode: 20004 })
    expect(await ask(it)).toMatchObject({ state: 'blockedByMainSwitch' })
    expect(it.phone.popups).toHaveLength(1)
    it.phone.atSettings = () => (it.phone.mainSwitch = true)
    it.phone.failWith = undefined
    await it.push.openSettings()
    expect(await ask(it)).toMatchObject({ state: 'accepted' })
  })

  it('asks in the payment callback', async () => {
    const it = setup()
    await it.phone.tap(() => it.push.afterPayment({ templates: ['a'] }))
    expect(kept(it.phone)[0]).toMatchObject({ template: 'a', source: 'payment' })
  })
})

describe('「总是保持以上选择」', () => {
  it('accept: each tap earns a permit without a popup, up to the daily cap', async () => {
    const phone = new Phone()
    phone.itemSettings = { a: 'accept' }
    const it = setup({ phone, topUpsPerDay: 2 })
    await settle()
    expect(it.push.state({ templates: ['a'] })).toBe('silent')
    expect(await ask(it)).toMatchObject({ state: 'accepted', silent: true })
    it.push.stop()
    phone.boot()
    const again = setup({ phone, bank: it.bank, topUpsPerDay: 2 }) // the cap survives a kill
    await settle()
    await ask(again)
    expect(await ask(again)).toMatchObject({ state: 'capped' })
    vi.setSystemTime(Date.UTC(2026, 10, 22, 15, 59))
    expect(again.push.state({ templates: ['a'] })).toBe('capped')
    vi.setSystemTime(Date.UTC(2026, 10, 22, 16)) // midnight in Beijing
    expect(again.push.state({ templates: ['a'] })).toBe('silent')
  })

  it('is learned from the popup itself', async () => {
    const it = setup()
    const asked = it.phone.tap(() => it.push.ask({ templates: ['a'] }))
    it.phone.itemSettings = { a: 'accept' }
    await asked
    await settle()
    expect(it.push.state({ templates: ['a'] })).toBe('silent')
  })

  it('refuse: never asked, until the settings say otherwise', async () => {
    const phone = new Phone()
    phone.itemSettings = { a: 'reject' }
    const it = setup({ phone })
    await settle()
    expect(await ask(it)).toMatchObject({ state: 'rejectedForever' })
    expect(phone.popups).toHaveLength(0)
    phone.itemSettings = undefined
    phone.show() // back from the settings page of ··· menu
    await settle()
    expect(it.push.state({ templates: ['a'] })).toBe('askable')
  })

  it('a banned template is not asked for', async () => {
    const phone = new Phone()
    phone.itemSettings = { a: 'ban' }
    const it = setup({ phone })
    await settle()
    expect(it.push.state({ templates: ['a'] })).toBe('banned')
  })

  it('tops up what is kept while the rest cools down', async () => {
    const phone = new Phone()
    phone.itemSettings = { a: 'accept' }
    phone.answers = { b: 'reject' }
    const it = setup({ phone })
    await settle()
    await ask(it, { templates: ['a', 'b'] })
    await ask(it, { templates: ['a', 'b'] })
    expect(phone.popups).toEqual([['a', 'b'], ['a']])
  })
})

describe('scenes', () => {
  it('come from GET me, and hold for the next launch, before and without an answer', async () => {
    const { phone, push } = await withScene({})
    expect(push.scenes()[0].name).toBe('checkout')
    expect(push.state('checkout')).toBe('askable')
    push.stop()
    phone.boot()
    const bank = new Bank()
    bank.status = 0
    const again = setup({ phone, bank, scenes: true })
    expect(again.push.state('checkout')).toBe('askable')
    expect(await ask(again, 'checkout')).toMatchObject({ state: 'accepted' })
  })

  it('ask no more when the balance has reached the target', async () => {
    const balance = [{ kind: 'subscribe', template: 'a', available: 1, held: 0 }, { kind: 'form', available: 9 }]
    const it = await withScene({ target: 2 }, balance)
    expect(await ask(it, 'checkout')).toMatchObject({ state: 'accepted' })
    expect(await ask(it, 'checkout')).toMatchObject({ state: 'enough' })
    expect(it.phone.popups).toHaveLength(1)
  })

  it('count what waits to be reported as held', async () => {
    const bank = new Bank()
    bank.me = me({ target: 1 })
    const it = setup({ bank, scenes: [{ name: 'checkout', templates: ['a'] }] })
    await ask(it, 'checkout')
    it.push.stop()
    it.phone.boot()
    const later = new Bank()
    later.me = me({ target: 1 })
    later.transport = ((send) => (r) => (r.call === 'me' ? send(r) : { status: 500 }))(later.transport)
    const again = setup({ phone: it.phone, bank: later, scenes: true })
    await settle()
    expect(again.push.state('checkout')).toBe('enough')
  })

  it("have their own cool-down and kind", async () => {
    const it = await withScene({ cool_down_seconds: -1, kind: 'long_term' })
    it.phone.answers = { a: 'reject' }
    await ask(it, 'checkout')
    expect(kept(it.phone)[0].type).toBe('standing')
    expect(it.push.state('checkout')).toBe('askable')
    it.phone.answers = {}
    await ask(it, 'checkout')
    expect(it.push.state('checkout')).toBe('enough')
  })

  it('are asked for again after a failure, and at show after a while', async () => {
    const bank = new Bank()
    bank.status = 500
    const it = setup({ bank, scenes: true })
    await settle()
    expect(await ask(it, 'checkout')).toMatchObject({ state: 'unknownScene' })
    bank.status = 200
    bank.me = me({})
    it.push.collect('0'.repeat(32))
    await it.push.flush()
    await settle()
    expect(it.push.state('checkout')).toBe('askable')
    const asked = () => bank.requests.filter((r) => r.call === 'me').length
    expect(asked()).toBe(2)
    it.phone.show()
    await settle()
    expect(asked()).toBe(2)
    await vi.advanceTimersByTimeAsync(10 * 60_000 + 1)
    it.phone.show()
    await settle()
    expect(asked()).toBe(3)
  })

  it('can be in the code', async () => {
    const it = setup({ scenes: [{ name: 'checkout', templates: ['a'], target: 1 }] })
    expect(it.push.state('checkout')).toBe('askable')
    expect(it.bank.requests).toHaveLength(0)
  })

  it('are asked for in token and login mode only, unless told otherwise', async () => {
    const { bank } = setup({ mode: 'login' })
    await settle()
    expect(bank.requests.map((r) => r.call)).toEqual(['session', 'me'])
    expect(bank.requests[1]).toMatchObject({ method: 'GET', path: '/v1/apps/wx0123456789abcdef/me', headers: { Authorization: 'Bearer h.code-1.s' } })
  })
})
