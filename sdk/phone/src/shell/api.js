/** Calls of the simulator for one phone: see sandbox/phone/API.md. */
export class API {
  constructor(app, user) {
    this.app = app;
    this.user = user;
    this.search = new URLSearchParams({ app, user }).toString();
  }

  /** Makes a call. A rejected promise has what wx functions give to fail: errMsg, errCode, errno. */
  async call(method, path, body, more = {}) {
    const search = new URLSearchParams({ app: this.app, user: this.user, ...more });
    const res = await fetch(`api/${path}?${search}`, {
      method, ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const answer = await res.json();
    if (res.ok) return answer;
    throw { errMsg: answer.errMsg ?? `${path}:fail ${answer.error?.message ?? res.status}`, errCode: answer.errCode, errno: answer.errno };
  }

  /** Listens to what arrives for this user. */
  events(since) {
    return new EventSource(`api/events?${this.search}&since=${since}`);
  }
}
