// A fake WeChat with behaviour: storage that survives kills, a subscribe popup, settings, launches; and a server that counts each permit once.
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
export const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '../miniprogram_dist/')

/** Loads the built package anew, as a restarted mini program does. */
export function load() {
  for (const file of Object.keys(require.cache)) if (file.startsWith(dist)) delete require.cache[file]
  return require(dist + 'index.js')
}

const copy = (v) => (v === undefined ? '' : JSON.parse(JSON.stringify(v))) // what storage makes of a value; '' for nothing

export class Phone {
  storage = new Map()
  /** What the user will choose per template; 'accept' where nothing is said. */
  answers = {}
  /** Ticked 「总是保持以上选择」. */
  itemSettings = undefined
  mainSwitch = true
  /** Called in place of the popup's answer, if there is one. */
  failWith = undefined
  /** Holds the popup open until release() is called. */
  hold = false
  popups = []
  logins = 0
  query = {}
  inTap = false

  constructor() {
    this.boot()
  }

  /** A new life: listeners are gone, storage stays. */
  boot(query = {}) {
    this.query = query
    this.shows = []
    this.hides = []
    this.wx = this.makeWx(this.shows, this.hides)
    return this.wx
  }

  makeWx(shows, hides) {
    return {
      getStorageSync: (key) => copy(this.storage.get(key)),
      setStorageSync: (key, value) => {
        if (this.storageFails) throw { errMsg: 'setStorageSync:fail exceed max size' }
        this.storage.set(key, copy(value))
      },
      requestSubscribeMessage: (o) => this.subscribe(o),
      getSetting: (o) => o.success({ subscriptionsSetting: { mainSwitch: this.mainSwitch, itemSettings: this.itemSettings } }),
      openSetting: (o) => {
        this.atSettings?.()
        o.success({ subscriptionsSetting: { mainSwitch: this.mainSwitch, itemSettings: this.itemSettings } })
      },
      login: (o) => o.success({ code: 'code-' + ++this.logins }),
      onAppShow: (f) => shows.push(f),
      onAppHide: (f) => hides.push(f),
      offAppShow: (f) => shows.splice(shows.indexOf(f), 1),
      offAppHide: (f) => hides.splice(hides.indexOf(f), 1),
      getEnterOptionsSync: () => ({ path: 'pages/index/index', query: this.query }),
    }
  }

  /** A tap: only what is called before the handler returns counts as the user's gesture. */
  tap(handler) {
    this.inTap = true
    try {
      return handler()
    } finally {
      this.inTap = false
    }
  }

  subscribe({ tmplIds, success, fail }) {
    if (!this.inTap) return fail({ errMsg: 'requestSubscribeMessage:fail can only be invoked by user TAP gesture.' })
    if (this.open) return fail({ errMsg: 'requestSubscribeMessage:fail last call has not ended' })
    this.popups.push(tmplIds)
    this.open = () => {
      this.open = undefined
      if (this.failWith) return fail(this.failWith)
      const res = { errMsg: 'requestSubscribeMessage:ok' }
      for (const id of tmplIds) res[id] = this.itemSettings?.[id] ?? this.answers[id] ?? 'accept'
      success(res)
    }
    if (!this.hold) this.open()
  }

  show(query = {}) {
    for (const f of [...this.shows]) f({ path: 'pages/index/index', query })
  }

  hide() {
    for (const f of [...this.hides]) f()
  }
}

/** The server's side of `POST reports`, as far as counting goes: what it acknowledged is durable, a nonce or code counts once. */
export class Bank {
  permits = new Map()
  opens = new Map()
  requests = []
  status = 200
  headers = {}
  /** Takes the report, but the answer is lost. */
  loseAnswers = false
  me = undefined

  transport = async (r) => {
    this.requests.push(r)
    if (this.gate) await this.gate
    if (this.status !== 200) return { status: this.status, headers: this.headers }
    if (r.call === 'me') return this.me ? { status: 200, body: this.me } : { status: 404 }
    if (r.call === 'session') return { status: 200, body: { session_token: 'h.' + r.body.code + '.s', expires_at: '2026-11-23T10:00:00Z' } }
    if (this.tokens && !this.tokens.includes(r.headers.Authorization)) return { status: 401 }
    const answer = { accepted: 0, duplicate: 0, evicted: 0, refused: 0, items: [] }
    r.body.items.forEach((it, index) => {
      const good = it.type === 'form' || it.result.startsWith('accept')
      const id = it.form_id ?? it.nonce
      const status = !good ? 'refused' : this.permits.has(id) ? 'duplicate' : 'accepted'
      if (status === 'accepted') this.permits.set(id, it)
      answer[status]++
      answer.items.push({ index, status, added: status === 'accepted' ? 1 : 0, ...(good ? {} : { reason: { code: 'user_rejected' } }) })
    })
    for (const o of r.body.opens ?? []) this.opens.set(o.nonce, o)
    return this.loseAnswers ? new Promise(() => {}) : { status: 200, body: answer }
  }

  get reports() {
    return this.requests.filter((r) => r.call === 'reports')
  }
}

/** One user's phone, the server, and a reporter on them. Times are by hand: see the tests' fake timers. */
export function setup(options = {}) {
  const phone = options.phone ?? new Phone()
  const bank = options.bank ?? new Bank()
  delete options.phone
  delete options.bank
  const events = []
  const errors = []
  const sdk = load()
  const push = sdk.createReporter({
    wx: phone.wx, appid: 'wx0123456789abcdef', transport: bank.transport, debug: (e) => events.push(e), onError: (e) => errors.push(e), ...options,
  })
  return { phone, bank, events, errors, sdk, push }
}

export const form = (n) => n.toString(16).padStart(32, '0')
