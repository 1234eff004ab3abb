// Measures what a mini program pays, minified: everything that createReporter and the plain functions need has to stay under 10 kB. The
// ready-made transports come on top, one by one, since an app takes one of them, as do the templates of the components.
import { buildSync } from 'esbuild'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))))
const limit = 10 * 1024

const bytes = (contents) =>
  buildSync({ stdin: { contents, resolveDir: '.' }, bundle: true, minify: true, charset: 'utf8', format: 'esm', target: 'es2018', write: false })
    .outputFiles[0].contents.length
const from = './dist/esm/index.js'
const core = 'createReporter, wrapperTransport, collect, ask, afterPayment, current, MinapushError, isMinapushError'
const size = bytes(`export { ${core} } from '${from}'`)
const row = (what, n) => console.log(`  ${String(n).padStart(6)}  ${what}`)
row(`createReporter, plain functions, relay (limit ${limit})`, size)
for (const t of ['requestTransport', 'containerTransport', 'cloudFunctionTransport']) {
  row(`+ ${t}`, bytes(`export { ${core}, ${t} } from '${from}'`) - size)
}
const parts = ['push-form', 'push-button'].flatMap((c) => ['js', 'wxml', 'wxss', 'json'].map((e) => `miniprogram_dist/${c}/index.${e}`))
row('+ both components, as they are', [...parts, 'miniprogram_dist/tapping.js'].reduce((n, f) => n + fs.statSync(f).size, 0))
if (size >= limit) {
  console.error(`the SDK has ${size} bytes, ${size - limit + 1} too many`)
  process.exit(1)
}
