// Builds the simulator's phone into sandbox/phone/static, which the Go binary embeds: the drawn phone, the runtime of the mini program on it,
// and the example mini program, compiled as WeChat's developer tools would. And the recipe's mini program, for the tests.
//
//   node build.mjs              builds all
//   node build.mjs --check      only says whether what is there is up to date
//   node build.mjs --root DIR   puts another mini program on the phone
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';
import { compile } from './compile.mjs';

const { values: { check, root } } = parseArgs({ options: { check: { type: 'boolean' }, root: { type: 'string' } } });
const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(here, '../../sandbox/phone/static');
const packages = { 'minapush-miniprogram': path.resolve(here, '../miniprogram_dist') };

const files = root
  ? { [path.join(out, 'program.js')]: program(path.resolve(root), packages) }
  : {
    [path.join(out, 'runtime.js')]: await bundle('src/runtime/main.js'),
    [path.join(out, 'program.js')]: program(path.resolve(here, '../example'), packages),
    [path.join(out, 'phone.js')]: await bundle('src/shell/main.js'),
    [path.join(out, 'phone.css')]: minifyCSS('src/phone.css'),
    [path.join(out, 'miniprogram.css')]: minifyCSS('src/miniprogram.css'),
    [path.join(out, 'index.html')]: fs.readFileSync(path.join(here, 'src/index.html')),
    [path.join(out, 'miniprogram.html')]: fs.readFileSync(path.join(here, 'src/miniprogram.html')),
    [path.join(here, 'testdata/recipe.js')]: program(path.join(here, 'testdata/recipe'), {}),
  };

if (check) {
  const stale = Object.keys(files).filter((file) => !fs.existsSync(file) || !fs.readFileSync(file).equals(files[file]));
  if (stale.length) {
    console.error(`not what this builds: ${stale.map(named).join(', ')}. Run make phone.`);
    process.exit(1);
  }
} else {
  fs.mkdirSync(out, { recursive: true });
  for (const [file, data] of Object.entries(files)) {
    fs.writeFileSync(file, data);
    console.log(`${named(file)} ${(data.length / 1024).toFixed(1)} KiB`);
  }
}

function named(file) {
  return path.relative(path.resolve(here, '../..'), file);
}

// program is a mini program as a script that starts it.
function program(dir, npm) {
  const source = `bootMiniProgram(${compile({ root: dir, packages: npm })});`;
  return Buffer.from(esbuild.transformSync(source, { minify: true, target: 'es2022', charset: 'utf8' }).code);
}

async function bundle(name) {
  const result = await esbuild.build({
    entryPoints: [path.join(here, name)], bundle: true, format: 'iife', minify: true, write: false, target: 'es2022', logLevel: 'warning',
    legalComments: 'eof', charset: 'utf8',
  });
  return Buffer.from(result.outputFiles[0].contents);
}

function minifyCSS(name) {
  return Buffer.from(esbuild.transformSync(fs.readFileSync(path.join(here, name), 'utf8'), { loader: 'css', minify: true, charset: 'utf8' }).code);
}
