// Drives the API console in a real Chromium against a running server. console_test.go starts both and sets:
//   RINGFENCE_URL  the server's base URL          CHROMIUM     the browser's executable
//   SCREENSHOTS    a folder for the pictures
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {chromium} from 'playwright-core';

const {RINGFENCE_URL: base, CHROMIUM: executablePath, SCREENSHOTS: screenshots} = process.env;
const apis = ['grant', 'nfvpolicy', 'inventory', 'placement', 'directives', 'vnfpkgm'];
const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace'];
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', // CI runs as root
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
});

after(() => browser.close());

// visit opens a page of the console in a profile of its own and watches it: what it asks of other hosts, what the
// content security policy stops, what it complains of.
async function visit(path, {colorScheme = 'light', width = 1360, height = 950} = {}) {
  const context = await browser.newContext({colorScheme, viewport: {width, height}});
  const page = await context.newPage();
  const seen = {elsewhere: [], violations: [], complaints: []};
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.origin !== new URL(base).origin) {
      seen.elsewhere.push(request.url());
    }
  });
  await page.exposeFunction('reportViolation', (violation) => seen.violations.push(violation));
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) =>
    window.reportViolation(`${event.effectiveDirective} stopped ${event.blockedURI}`)));
  page.on('console', (message) => message.type() === 'error' && seen.complaints.push(message.text()));
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  await page.goto(`${base}/console/${path}`);
  if (path !== '') {
    await page.waitForSelector('.opblock');
  }
  return {page, seen, close: () => context.close()};
}

const status = '.live-responses-table td.response-col_status:not(.col_header)';
const nothing = {elsewhere: [], violations: [], complaints: []};

async function documentOf(api) {
  const answer = await fetch(`${base}/console/api/${api}.json`);
  assert.equal(answer.status, 200);
  return answer.json();
}

function operationsOf(document) {
  const resolve = (node) => (node.$ref ? node.$ref.slice(2).split('/').reduce((at, key) => at[key], document) : node);
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method]).map((method) => ({
      path,
      method,
      ...item[method],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(resolve),
    })));
}

function block(page, {tags, operationId}) {
  return page.locator(`[id="operations-${tags[0].replaceAll(' ', '_')}-${operationId}"]`);
}

async function open(page, operation) {
  const found = block(page, operation);
  await found.locator('.opblock-summary-control').click();
  await found.locator('.execute').waitFor();
  return found;
}

// execute presses the button and returns the request that the page sent and the server's answer to it.
async function execute(page, operationBlock, {path, method}) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) =>
      new URL(response.url()).pathname === path && response.request().method() === method.toUpperCase()),
    operationBlock.locator('.execute').click(),
  ]);
  await operationBlock.locator(status).waitFor();
  return {answer, request: answer.request()};
}

test('the start page lists every API', async () => {
  const {page, seen, close} = await visit('');
  assert.deepEqual(await page.locator('.apis h2 a').evaluateAll((links) => links.map((link) => link.getAttribute('href'))), apis);
  await page.screenshot({path: join(screenshots, 'start-light.png')});
  assert.deepEqual(seen, nothing);
  await close();
});

for (const api of apis) {
  test(`the page of ${api} renders every operation of its document`, async () => {
    const document = await documentOf(api);
    const {page, seen, close} = await visit(api);
    assert.equal(await page.locator('.info .title').evaluate((title) => title.firstChild.textContent), document.info.title);
    assert.equal(await page.locator('.opblock').count(), operationsOf(document).length);
    assert.equal(await page.locator('.errors-wrapper').count(), 0);
    assert.deepEqual(seen, nothing);
    await close();
  });
}

test('a dry run sent from the page returns a decision', async () => {
  const {paths} = await documentOf('placement');
  const operation = {path: '/placement/v1/decisions', method: 'post', ...paths['/placement/v1/decisions'].post};
  const {page, seen, close} = await visit('placement');
  const decisions = await open(page, operation);
  const shown = JSON.parse(await decisions.locator('.body-param__text').inputValue());
  const {answer, request} = await execute(page, decisions, operation);

  assert.deepEqual(request.postDataJSON(), shown, 'the request is the example that the page shows');
  assert.equal(answer.status(), 201, await answer.text());
  const decision = await answer.json();
  assert.match(decision.outcome, /^(GRANT|REFUSE)$/);
  assert.equal(decision.kind, 'DRY_RUN');
  assert.ok(decision.explanation.demands.length > 0, 'the decision explains itself');

  const live = decisions.locator('.live-responses-table');
  assert.equal((await decisions.locator(status).textContent()).trim(), '201');
  assert.ok((await live.textContent()).includes(decision.id), 'the page shows the decision');
  await live.scrollIntoViewIfNeeded();
  await page.screenshot({path: join(screenshots, 'dry-run-light.png')});
  assert.deepEqual(seen, nothing);
  await close();
});

for (const api of apis) {
  test(`a list of ${api} answers as the page asks it, without the examples of optional parameters`, async () => {
    const lists = operationsOf(await documentOf(api)).filter(({method, path}) => method === 'get' && !path.includes('{'));
    const list = lists.reduce((most, other) => (other.parameters.length > most.parameters.length ? other : most));
    const required = list.parameters.filter((parameter) => parameter.in === 'query' && parameter.required);
    const {page, seen, close} = await visit(api);
    const {answer, request} = await execute(page, await open(page, list), list);
    assert.equal(answer.status(), 200, `GET ${request.url()}: ${await answer.text()}`);
    assert.deepEqual([...new URL(request.url()).searchParams.keys()], required.map(({name}) => name));
    assert.equal(request.headers().version, undefined);
    assert.deepEqual(seen, nothing);
    await close();
  });
}

test('credentials are sent with the requests and outlive the page', async () => {
  const operation = {path: '/placement/v1/reservations', method: 'get', ...(await documentOf('placement')).paths['/placement/v1/reservations'].get};
  const {page, seen, close} = await visit('placement');
  await page.locator('button.authorize').first().click();
  await page.locator('#auth-bearer-value').fill('e2e-token');
  await page.locator('.auth-btn-wrapper button.authorize').first().click();
  await page.locator('.close-modal').click();
  await page.reload();
  const {request} = await execute(page, await open(page, operation), operation);
  assert.equal(request.headers().authorization, 'Bearer e2e-token');
  assert.deepEqual(seen.elsewhere, []);
  assert.deepEqual(seen.violations, []);
  await close();
});

test('a deep link opens its operation, the filter finds operations by what they do', async () => {
  const document = await documentOf('placement');
  const {page, seen, close} = await visit('placement#/Decisions/createDecision');
  await block(page, document.paths['/placement/v1/decisions'].post).locator('.execute').waitFor();
  assert.equal(await page.locator('.opblock.is-open').count(), 1);

  await page.locator('#operation-filter').fill('post cache_decisions');
  const left = operationsOf(document).filter(({method, path}) => method === 'post' && path.includes('cache_decisions'));
  await page.waitForFunction((count) => document.querySelectorAll('.opblock').length === count, left.length);
  await page.locator('#operation-filter').fill('');
  await page.waitForFunction((count) => document.querySelectorAll('.opblock').length === count, operationsOf(document).length);
  assert.deepEqual(seen, nothing);
  await close();
});

test('light and dark follow the system, then the reader, and both can be read', async () => {
  for (const colorScheme of ['light', 'dark']) {
    for (const path of ['', 'placement#/Decisions/createDecision']) {
      const {page, seen, close} = await visit(path, {colorScheme});
      if (path !== '') {
        await page.locator('.execute').waitFor();
      }
      assert.equal(await page.locator('html').getAttribute('data-theme'), colorScheme);
      await page.evaluate(axe);
      // What Swagger UI's own markup lacks is not ours to repair; its colours are ours.
      const {violations} = await page.evaluate((whole) =>
        window.axe.run(whole ? {} : {runOnly: ['color-contrast']}), path === '');
      assert.deepEqual(violations.flatMap(({id, nodes}) => nodes.map(({target}) => `${id}: ${target}`)), []);
      await page.screenshot({path: join(screenshots, `${path === '' ? 'start' : 'operation'}-${colorScheme}.png`)});
      assert.deepEqual(seen, nothing);
      await close();
    }
  }
  const {page, close} = await visit('', {colorScheme: 'light'});
  await page.locator('.theme label', {hasText: 'Dark'}).click();
  await page.reload();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  await close();
});

test('this test would notice a request to another host, and the policy would stop it', async () => {
  const {page, seen, close} = await visit('placement');
  await page.evaluate(() => new Promise((stopped) => {
    addEventListener('securitypolicyviolation', stopped);
    fetch('http://elsewhere.invalid/').catch(() => {});
  }));
  assert.deepEqual(seen.violations, ['connect-src stopped http://elsewhere.invalid/']);
  await page.goto('http://elsewhere.invalid/').catch(() => {});
  assert.deepEqual(seen.elsewhere, ['http://elsewhere.invalid/']);
  await close();
});
