// @vitest-environment jsdom
// The built components in miniprogram-simulate. Its <form> and <button> are inert, so a submit is dispatched by hand.
import { createRequire } from 'node:module'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Bank, dist, form, Phone } from './phone.mjs'

const require = createRequire(import.meta.url)
const simulate = require('miniprogram-simulate')

let phone, bank, sdk, push, host, taps, asked, collected, root

/** A page around the component, as WXML. */
async function page(wxml, data = {}) {
  const pushForm = simulate.load(path.join(dist, 'push-form/index'), 'push-form', { rootPath: dist })
  const pushButton = simulate.load(path.join(dist, 'push-button/index'), 'push-button', { rootPath: dist })
  const id = simulate.load({
    usingComponents: { 'push-form': pushForm, 'push-button': pushButton },
    template: wxml,
    data,
    methods: {
      onTap: (e) => taps.push(e),
      onInner: () => taps.push('inner'),
      onAsked: (e) => asked.push(e.detail),
      onCollected: (e) => collected.push(e.detail),
    },
  })
  host = simulate.render(id)
  root = document.createElement('div')
  host.attach(root)
}

/** A finger on the node of that id. */
async function tap(selector = '#goods') {
  const node = host.querySelector(selector)
  phone.inTap = true
  node.dispatchEvent('touchstart')
  node.dispatchEvent('touchend') // at once: a timer between them could make it a long press
  await simulate.sleep(0)
  phone.inTap = false
  await simulate.sleep(0)
}

/** What WeChat makes of a tap on the button of a form. */
async function submit(formId) {
  host.querySelector('#pf').querySelector('.plain').dispatchEvent('submit', { detail: { value: {}, formId } })
  await simulate.sleep(0)
}

beforeEach(() => {
  taps = []
  asked = []
  collected = []
  phone = new Phone()
  bank = new Bank()
  sdk = require(dist + 'index.js')
  push = sdk.createReporter({
    wx: phone.wx, appid: 'wx1', transport: bank.transport, intervalMs: 60_000, scenes: [{ name: 'checkout', templates: ['a'] }],
  })
})
afterEach(() => {
  push.stop()
  host?.detach()
})

const wrapped = (attributes) =>
  `<push-form id="pf" class="pf" data-id="7" data-type="buy" ${attributes} bindtap="onTap" bind:asked="onAsked" bind:collected="onCollected"><view id="goods" data-inner="x">拿铁</view></push-form>`

describe('push-form', () => {
  it('forwards the tap once, with its dataset, and collects the form id on submit', async () => {
    await page(wrapped('source="home"'))
    await tap()
    expect(taps).toHaveLength(1)
    expect(taps[0].currentTarget.dataset).toEqual({ id: '7', type: 'buy' })
    expect(taps[0].detail.dataset).toMatchObject({ id: '7', type: 'buy' })
    expect(phone.popups).toEqual([])

    expect(host.querySelector('#pf').dom.innerHTML).toContain('<wx-form')
    await submit(form(1))
    expect(collected).toEqual([{ collected: true }])
    expect(push.pending()).toBe(1)
  })

  it('asks in its own tap handler, and forwards the tap after the popup has closed', async () => {
    await page(wrapped('scene="checkout"'))
    phone.hold = true
    await tap()
    expect(phone.popups).toEqual([['a']])
    expect(taps).toEqual([])
    phone.open()
    await simulate.sleep(0)
    expect(asked[0]).toMatchObject({ state: 'accepted' })
    expect(taps).toHaveLength(1)
    expect(taps[0].currentTarget.dataset).toEqual({ id: '7', type: 'buy' })
    expect(host.querySelector('#pf').dom.innerHTML).toContain('<wx-form') // a scene collects form ids as well
  })

  it('forwards at once what needs no popup', async () => {
    phone.itemSettings = { a: 'accept' }
    phone.show()
    phone.hold = true // an answer that takes its time
    await page(wrapped('scene="checkout"'))
    await tap()
    expect(phone.popups).toEqual([['a']])
    expect(taps).toHaveLength(1)
    phone.open()
    await simulate.sleep(0)
    expect(taps).toHaveLength(1)
    expect(asked[0]).toMatchObject({ state: 'accepted', silent: true })
  })

  it('with templates only renders no form', async () => {
    await page(wrapped('templates="{{ids}}"'), { ids: ['b', 'c'] })
    expect(host.querySelector('#pf').dom.innerHTML).not.toContain('<wx-form')
    expect(host.querySelector('#goods')).toBeTruthy()
    await tap()
    expect(phone.popups).toEqual([['b', 'c']])
    expect(taps).toHaveLength(1)
  })

  it('form="{{false}}" renders none either; long-term templates are standing permits', async () => {
    await page(wrapped('form="{{false}}" templates="{{ids}}" long-term="{{true}}"'), { ids: ['l'] })
    expect(host.querySelector('#pf').dom.innerHTML).not.toContain('<wx-form')
    await tap()
    expect(phone.storage.get('minapush.queue.wx1').list[0].item).toMatchObject({ type: 'standing', template: 'l', result: 'accept' })
  })

  it('forwards the tap also if the popup fails, and without a reporter', async () => {
    phone.failWith = { errCode: 10005, errMsg: 'x' }
    await page(wrapped('scene="checkout"'))
    await tap()
    expect(taps).toHaveLength(1)
    push.stop()
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    await tap()
    expect(taps).toHaveLength(2)
    expect(warn).toHaveBeenCalled()
    warn.mockRestore()
  })

  it('disabled: neither tap nor permit', async () => {
    await page(wrapped('scene="checkout" disabled="{{true}}"'))
    await tap()
    expect(taps).toEqual([])
    expect(phone.popups).toEqual([])
  })

  it('junk of a submit is told to the page', async () => {
    await page(wrapped(''))
    await submit('the formId is a mock one')
    expect(collected).toEqual([{ collected: false, reason: 'mock_code' }])
  })

  it('uses the reporter of the app where code and components have a copy each', async () => {
    push.stop()
    globalThis.getApp = () => ({ minapush: { state: () => 'enough', ask: () => Promise.resolve({ state: 'enough' }), collect: (id) => ({ collected: true, id }) } })
    await page(wrapped('scene="checkout"'))
    await tap()
    expect(taps).toHaveLength(1)
    expect(asked[0]).toMatchObject({ state: 'enough' })
    delete globalThis.getApp
  })
})

describe('push-button', () => {
  it('is a button that asks', async () => {
    await page('<push-button id="pb" type="primary" scene="checkout" data-id="9" bindtap="onTap"><view id="goods">订阅</view></push-button>')
    expect(host.querySelector('#pb').dom.innerHTML).toContain('button')
    await tap()
    expect(phone.popups).toEqual([['a']])
    expect(taps[0].currentTarget.dataset).toEqual({ id: '9' })
  })
})
