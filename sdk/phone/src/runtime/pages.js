const launchScene = 1001; // "from the list of mini programs"; opened by a service notification: 1014
const serviceNotification = 1014;

/** The app and its stack of pages, with the lifetimes of WeChat's documentation. */
export class Pages {
  /** The object given to App(). */
  app = {};
  #stack = [];
  #listeners = { show: new Set(), hide: new Set() };
  #shown = false;
  #entered = {};

  constructor({ program, env, space, shell }) {
    Object.assign(this, { program, env, space, shell });
    this.tabs = program.app.json.tabBar?.list ?? [];
  }

  defineApp(app) { this.app = app; }

  /** What onLaunch and onShow get for a page that the shell names: {path, query, message}. */
  options({ path, query, message } = {}) {
    return { path: path || this.program.app.json.pages[0], query: query ?? {}, scene: message ? serviceNotification : launchScene, referrerInfo: {} };
  }

  /** What the program was last entered with. */
  entered() { return this.#entered; }

  launch(to) {
    const options = this.options(to);
    this.#entered = options;
    this.app.onLaunch?.(options);
    this.#open(options.path, options.query);
    this.#showApp(options);
  }

  /** Comes to the front, at a page if one is named. */
  show(to) {
    const options = to?.path ? this.options(to) : { ...this.#entered, query: this.#entered.query };
    this.#entered = options;
    if (to?.path) this.#reset(options.path, options.query);
    this.#showApp(options);
    if (!to?.path) this.#top()?.page.onShow?.();
  }

  /** Goes to the back. */
  hide() {
    if (!this.#shown) return;
    this.#shown = false;
    this.#top()?.page.onHide?.();
    this.app.onHide?.();
    for (const f of this.#listeners.hide) f({});
  }

  get inFront() { return this.#shown; }

  on(what, f) { this.#listeners[what].add(f); }
  off(what, f) { f ? this.#listeners[what].delete(f) : this.#listeners[what].clear(); }

  /** getCurrentPages(). */
  current() { return this.#stack.map((one) => one.page); }

  go(url) {
    if (this.tabs.some((t) => t.pagePath === locate(url).path)) throw new Error('navigateTo:fail can not navigateTo a tabbar page');
    this.#top()?.page.onHide?.();
    this.#top() && (this.#top().holder.hidden = true);
    this.#open(...parts(this.#resolve(url)));
  }

  redirect(url) {
    const to = this.#resolve(url);
    this.#close();
    this.#open(...parts(to));
  }

  switchTab(url) { this.#reset(locate(url).path, {}); }
  reLaunch(url) { this.#reset(...parts(this.#resolve(url))); }

  back(delta) {
    if (this.#stack.length < 2) return false;
    for (let n = Math.min(delta, this.#stack.length - 1); n > 0; n--) this.#close();
    this.#top().holder.hidden = false;
    this.#top().page.onShow?.();
    this.#tell();
    return true;
  }

  setTitle(title) {
    this.#top().title = title;
    this.#tell();
  }

  #showApp(options) {
    this.#shown = true;
    this.app.onShow?.(options);
    for (const f of this.#listeners.show) f(options);
  }

  #reset(path, query) {
    while (this.#stack.length) this.#close();
    this.#open(path, query);
  }

  #open(path, query) {
    const known = this.program.app.json.pages.includes(path) ? path : null;
    if (!known) {
      this.app.onPageNotFound?.({ path, query, isEntryPage: this.#stack.length === 0 });
      path = this.program.app.json.pages[0];
    }
    const holder = document.createElement('div');
    holder.dataset.page = path;
    holder.className = 'page';
    const place = document.createElement('div');
    holder.append(place);
    document.body.append(holder);
    const root = this.env.associateBackend().createRoot('page', this.space, path);
    root.attach(holder, place);
    const page = root.get();
    page.route = path;
    page.options = query;
    const json = this.program.components[path].json;
    this.#stack.push({ root, page, holder, path, title: json.navigationBarTitleText ?? this.program.app.json.window?.navigationBarTitleText ?? '' });
    this.#tell();
    page.onLoad?.(query);
    page.onShow?.();
    page.onReady?.();
  }

  #close() {
    const { root, page, holder } = this.#stack.pop();
    page.onUnload?.();
    root.release();
    holder.remove();
  }

  #top() { return this.#stack.at(-1); }

  #resolve(url) {
    return locate(url.startsWith('/') ? url : new URL(url, `x:/${this.#top()?.path ?? ''}`).href.slice(2));
  }

  // tell lets the shell draw the bars.
  #tell() {
    const top = this.#top();
    this.shell.page({ title: top.title, path: top.path, depth: this.#stack.length, home: this.program.app.json.pages[0], tabs: this.tabs, window: this.program.app.json.window ?? {} });
  }
}

/** Takes "/pages/a/a?x=1" apart. As in WeChat values are not decoded, and of a name given twice the last counts. */
export function locate(url) {
  const [path, search = ''] = url.replace(/^\//, '').split('?');
  const query = {};
  for (const pair of search.split('&')) {
    const at = pair.indexOf('=');
    if (pair) query[at < 0 ? pair : pair.slice(0, at)] = at < 0 ? '' : pair.slice(at + 1);
  }
  return { path, query };
}

const parts = ({ path, query }) => [path, query];
