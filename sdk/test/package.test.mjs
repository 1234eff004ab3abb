// What is published: it loads both ways, and has what a mini program copies.
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import fs from 'node:fs'
import path from 'node:path'
import { buildSync } from 'esbuild'
import { expect, it } from 'vitest'
import { dist } from './phone.mjs'

const root = path.dirname(path.normalize(dist + '.'))
const meta = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))

it('has no dependency at run time', () => {
  expect(meta.dependencies).toBeUndefined()
  for (const file of fs.readdirSync(dist, { recursive: true }).filter((f) => f.endsWith('.js'))) {
    for (const [, name] of fs.readFileSync(path.join(dist, file), 'utf8').matchAll(/require\("([^"]+)"\)/g)) expect(name).toMatch(/^\.\.?\//)
  }
})

it('has every file of every component', () => {
  for (const c of ['push-form', 'push-button']) {
    for (const ext of ['js', 'json', 'wxml', 'wxss']) expect(fs.existsSync(path.join(dist, c, 'index.' + ext)), c + ext).toBe(true)
    expect(JSON.parse(fs.readFileSync(path.join(dist, c, 'index.json'), 'utf8')).component).toBe(true)
  }
})

it('exports the same as CommonJS and as ES module', () => {
  const bundle = buildSync({ entryPoints: [path.join(root, meta.module)], bundle: true, format: 'cjs', write: false }).outputFiles[0].text
  const module = { exports: {} }
  new Function('module', 'exports', bundle)(module, module.exports)
  const cjs = createRequire(import.meta.url)(path.join(root, meta.main))
  expect(Object.keys(module.exports).sort()).toEqual(Object.keys(cjs).sort())
})

it('packs the folder that a mini program copies, and nothing of the tests', () => {
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  const files = packed.files.map((f) => f.path)
  for (const f of ['miniprogram_dist/index.js', 'miniprogram_dist/index.d.ts', 'miniprogram_dist/push-form/index.wxml', 'dist/esm/index.js', 'README.md', 'README.zh-CN.md', 'LICENSE']) {
    expect(files).toContain(f)
  }
  expect(files.filter((f) => /^(test|src|example|phone|scripts)\//.test(f))).toEqual([])
})

it('explains every reason that it can give', () => {
  const names = fs.readFileSync(path.join(root, 'src/types.ts'), 'utf8').match(/export type PermitState =([^;]+);/)[1].match(/'\w+'/g)
  const { explain } = createRequire(import.meta.url)(path.join(dist, 'explain.js'))
  const said = []
  const log = console.log
  console.log = (line) => said.push(line)
  try {
    for (const n of names) explain({ what: 'notAsked', why: n.slice(1, -1) })
  } finally {
    console.log = log
  }
  const bare = names.map((n) => n.slice(1, -1)).filter((n) => said.includes('[minapush] notAsked: ' + n))
  expect(bare).toEqual(['askable', 'silent', 'accepted', 'refused', 'failed']) // these explain themselves
})
