/** Calls a function of wx style. A promise that comes back as well (uni, Taro, newer wx) is heard, so that it is never left unhandled. */
export function wxCall(call: ((o: any) => any) | undefined, options?: object): Promise<any> {
  return new Promise((success, fail) => {
    const p = call!({ ...options, success, fail });
    if (p && p.catch) p.catch(fail);
  });
}

/** The text of whatever was thrown. */
export function textOf(e: any): string {
  return String((e && (e.errMsg || e.message)) || e);
}
