// What a failed call tells: always errMsg, and the numbers if it has them.
const failure = (name, err) => ({
  errMsg: err.errMsg ?? `${name}:fail ${err.message ?? ''}`.trim(),
  ...(err.errCode !== undefined && { errCode: err.errCode }), ...(err.errno !== undefined && { errno: err.errno }),
});

/** Calls back as every call of wx does: success or fail, then complete; without callbacks it returns a promise. */
export function asynchronous(name, work) {
  return (o = {}) => {
    const done = work(o).then((res) => ({ errMsg: `${name}:ok`, ...res }), (err) => { throw failure(name, err); });
    if (!o.success && !o.fail && !o.complete) return done;
    done.then((res) => { o.success?.(res); o.complete?.(res); }, (err) => { o.fail?.(err); o.complete?.(err); });
    return undefined;
  };
}
