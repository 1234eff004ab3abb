// Builds what is published: miniprogram_dist (CommonJS, components) and dist/esm (functions, for bundlers). Nothing is bundled.
// With --quick it does nothing if no source is newer than the last build.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

const out = 'miniprogram_dist'
const stamp = path.join(out, 'index.js')
const inputs = ['src', 'package.json', 'tsconfig.json', 'tsconfig.esm.json', 'scripts/build.mjs']
const newest = (p) => {
  const s = fs.statSync(p)
  return s.isDirectory() ? Math.max(s.mtimeMs, ...fs.readdirSync(p).map((f) => newest(path.join(p, f)))) : s.mtimeMs
}
if (process.argv.includes('--quick') && fs.existsSync(stamp) && fs.existsSync('dist/esm/index.js') &&
  Math.max(...inputs.map(newest)) < fs.statSync(stamp).mtimeMs) process.exit(0)

for (const dir of [out, 'dist']) fs.rmSync(dir, { recursive: true, force: true })
for (const file of fs.readdirSync('src', { recursive: true })) {
  if (/\.(wxml|wxss|json)$/.test(file)) fs.cpSync(path.join('src', file), path.join(out, file))
}
for (const config of ['tsconfig.esm.json', 'tsconfig.json']) {
  const done = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { stdio: 'inherit' })
  if (done.status !== 0) process.exit(done.status ?? 1)
}
