// Routes of handlers: what M.routes answers over HTTP.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { request, serviceToken } from './support/api.mjs';
import { curl } from './support/http.mjs';
import { lectern } from './support/process.mjs';
import { useServer } from './support/suite.mjs';
import { tokenFor } from './support/tokens.mjs';

const ROUTES = `
  local lectern = require "lectern"
  local M = {}

  local function show(request)
    return { method = request.method, path = request.path, params = request.params, query = request.query,
      body = request.body, user = request.user and request.user.id, caller = request.caller,
      key = request.key, id = request.id, language = request.headers["accept-language"] }
  end

  M.routes = {
    ["GET /reports"] = show,
    ["GET /reports/:id"] = show,
    ["DELETE /reports/:id"] = function() end,
    ["GET /reports/new"] = function() return "the literal one" end,
    ["GET /:kind/new"] = function() return "any new" end,
    ["GET /reports/:id/pages/:page"] = show,
    ["POST /reports"] = function(request)
      local report, why, code = request:json()
      if not report then return nil, why, code end
      return lectern.response { status = 201, json = report, headers = { Location = "/reports/7" } }
    end,
    ["GET /page"] = { public = true, handler = function()
      return lectern.response { body = "<p>ü", headers = { ["Content-Type"] = "text/html", ["Cache-Control"] = "max-age=60" } }
    end },
    ["GET /who"] = { public = true, handler = show },
    ["GET /zwölf"] = { public = true, handler = function() return 12 end },
    ["PUT /nap"] = function(request) lectern.sleep(tonumber(request.query.s)) return "awake" end,
    ["PATCH /refuse"] = function(request) return nil, "no", request.query.code end,
    ["GET /fail"] = function() error "boom" end,
    ["GET /teapot"] = function() return lectern.response { status = 418 } end,
    ["GET /bad_header"] = function() return lectern.response { headers = { ["a\\nb"] = "x" } } end,
    ["GET /index.html"] = { public = true, handler = function() return "not the file" end },
  }
  return M`;
const FILES = { 'handlers/main.lua': ROUTES, 'public/index.html': '<p>file', 'public/other.html': '<p>other' };
const ada = { token: tokenFor('ada', { role: 'student' }) };

describe('a route', () => {
  const room = useServer({ example: false, files: FILES, args: ['--api-max-bytes', '1000', '--api-timeout', '1500'] });
  const get = (path, options) => request(room, 'GET', path, { ...ada, ...options });

  it('gets parameters, query, headers, and who calls', async () => {
    const { body, status, headers } = await get('/reports/a%2Fb%20%C3%BC?x=1&y=a+b&x=2&z&%26=%3D', { headers: { 'accept-language': 'de', 'x-request-id': 'r1' } });
    assert.equal(status, 200);
    assert.deepEqual(body, {
      method: 'GET', path: '/reports/a%2Fb%20%C3%BC', params: { id: 'a/b ü' }, query: { x: '2', y: 'a b', z: '', '&': '=' },
      body: '', user: 'ada', caller: 'user:ada', id: 'r1', language: 'de',
    });
    assert.equal(headers.get('x-request-id'), 'r1');
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.deepEqual((await get('/reports/1/pages/2')).body.params, { id: '1', page: '2' });
  });

  it('is chosen by what stands for itself, from the left', async () => {
    assert.equal((await get('/reports/new')).body, 'the literal one');
    assert.equal((await get('/papers/new')).body, 'any new');
    assert.equal((await get('/reports')).body.path, '/reports');
    for (const path of ['/reports/', '/reports/1/', '/reports/1/pages', '/Reports', '/reports//', '/report']) assert.equal((await get(path)).status, 404, path);
    assert.equal((await get('/zw%C3%B6lf', { token: null })).body, 12);
  });

  it('answers HEAD as GET, without the body', async () => {
    const { status, headers, body } = await request(room, 'HEAD', '/reports/1', ada);
    assert.equal(status, 200);
    assert.ok(Number(headers.get('content-length')) > 10);
    assert.equal(body, '');
  });

  it('of another method is 405, with those that there are', async () => {
    for (const [method, path, allow] of [['PUT', '/reports/1', 'DELETE, GET, HEAD, OPTIONS'], ['GET', '/nap', 'PUT, OPTIONS'], ['PATCH', '/reports', 'GET, HEAD, POST, OPTIONS']]) {
      const { status, headers } = await request(room, method, path, ada);
      assert.equal(status, 405, path);
      assert.deepEqual(headers.get('allow').split(', ').sort(), allow.split(', ').sort());
    }
    const { status, headers } = await request(room, 'OPTIONS', '/nap', { token: null });
    assert.equal(status, 204);
    assert.match(headers.get('allow') ?? headers.get('access-control-allow-methods'), /PUT/);
  });

  it('answers with JSON, nothing, or what lectern.response says', async () => {
    const made = await request(room, 'POST', '/reports', { ...ada, body: { title: 'Zwölf', list: [], none: null } });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get('location'), '/reports/7');
    assert.deepEqual(made.body, { title: 'Zwölf', list: [], none: null });
    assert.equal((await request(room, 'DELETE', '/reports/1', ada)).status, 204);
    const page = await get('/page', { token: null });
    assert.equal(page.headers.get('content-type'), 'text/html');
    assert.equal(page.headers.get('cache-control'), 'max-age=60');
    assert.equal(page.body, '<p>ü');
    assert.equal((await get('/teapot')).status, 418);
  });

  it('refuses as events do, with a fitting status', async () => {
    for (const [code, status] of [['invalid', 400], ['not_found', 404], ['conflict', 409], ['whatever', 422], ['busy', 503]]) {
      const { status: got, body } = await request(room, 'PATCH', `/refuse?code=${code}`, ada);
      assert.equal(got, status);
      assert.deepEqual([body.error.code, body.error.message], [code, 'no']);
    }
    assert.equal((await request(room, 'POST', '/reports', ada)).status, 400);
    assert.equal((await request(room, 'POST', '/reports', { ...ada, raw: '{' })).status, 400);
    assert.equal((await request(room, 'POST', '/reports', { ...ada, raw: `"${'x'.repeat(1000)}"` })).status, 413);
    assert.equal((await get('/who?x=%ff', { token: null })).status, 400);
    assert.equal((await get('/fail')).body.error.code, 'internal_error');
    assert.match(room.server.log, /handlers\/main.lua GET \/fail failed, id .{8}: .*boom/);
    assert.equal((await get('/bad_header')).status, 500);
    const late = await request(room, 'PUT', '/nap?s=3', ada);
    assert.equal(late.status, 504);
  });

  it('wants to know who calls, unless it is public', async () => {
    const { status, headers } = await get('/reports', { token: null });
    assert.equal(status, 401);
    assert.equal(headers.get('www-authenticate'), 'Bearer');
    for (const token of ['wrong', tokenFor('ada', { exp: 1 })]) {
      assert.equal((await get('/reports', { token })).status, 401);
      assert.equal((await get('/who', { token })).status, 401); // a wrong one is no anonymous one
    }
    assert.equal((await get('/who', { token: null })).body.user, undefined);
    assert.equal((await get('/who')).body.user, 'ada');
    assert.equal((await get('/reports', { token: serviceToken('shop') })).body.caller, 'service:shop');
  });

  it('stands before files of its address, and leaves the others alone', async () => {
    assert.equal((await get('/index.html', { token: null })).body, 'not the file');
    assert.equal((await get('/other.html', { token: null })).body, '<p>other');
    assert.equal((await get('/healthz', { token: null })).body.status, 'ok');
    assert.equal((await get('/nothing', { token: null })).status, 404);
  });

  it('is open to pages of the front end, and to no others', async () => {
    const preflight = { origin: 'http://localhost:3000', 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'authorization,content-type,idempotency-key' };
    const answer = await request(room, 'OPTIONS', '/reports/1', { token: null, headers: preflight });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get('access-control-allow-origin'), 'http://localhost:3000');
    assert.match(answer.headers.get('access-control-allow-methods'), /DELETE/);
    assert.equal(answer.headers.get('access-control-allow-headers'), 'authorization,content-type,idempotency-key');
    const { headers } = await get('/reports', { headers: { origin: 'http://localhost:3000' } });
    assert.equal(headers.get('access-control-allow-origin'), 'http://localhost:3000');
    assert.match(headers.get('access-control-expose-headers'), /X-Request-Id/);
    assert.equal((await get('/reports', { headers: { origin: 'https://evil.example' } })).status, 403);
  });

  it('keeps its code while it runs, and is another after a reload', async () => {
    const nap = request(room, 'PUT', '/nap?s=0.8', ada);
    await sleep(200);
    room.scripts.write('handlers/main.lua', ROUTES.replace('"the literal one"', '"reloaded"').replace('return "awake"', 'return "other"'));
    assert.equal((await room.server.reload()).code, 0);
    assert.equal((await get('/reports/new')).body, 'reloaded');
    assert.equal((await nap).body, 'awake');
    assert.equal((await request(room, 'PUT', '/nap?s=0', ada)).body, 'other');
  });

  it('is in the document of OpenAPI', async () => {
    const { body } = await request(room, 'GET', '/api/openapi.json');
    assert.deepEqual(body.paths['/reports/{id}/pages/{page}'].get.parameters.map((one) => one.name), ['id', 'page']);
    assert.deepEqual(body.paths['/page'].get.security, [{}]);
  });

  it('is asked by curl as well', async () => {
    assert.equal((await curl('-X', 'PUT', '-H', `Authorization: Bearer ${ada.token}`, `${room.url}/nap?s=0`)).toString(), '"other"');
  });
});

describe('requests of a person', () => {
  const room = useServer({ example: false, files: FILES, args: ['--limits-events-per-second', '5', '--limits-burst', '2', '--max-tasks', '3'] });

  it('have the rates of events, each person their own', async () => {
    const statuses = [];
    for (let i = 0; i < 15; i++) statuses.push((await request(room, 'GET', '/reports', ada)).status);
    assert.deepEqual(statuses.slice(0, 10), Array(10).fill(200));
    assert.ok(statuses.includes(429), String(statuses));
    assert.equal((await request(room, 'GET', '/reports', { token: tokenFor('bob') })).status, 200);
  });

  it('are max_tasks at a time', async () => {
    const eve = { token: tokenFor('eve') };
    const naps = [1, 2, 3].map(() => request(room, 'PUT', '/nap?s=0.6', eve));
    await sleep(250);
    const { status, body } = await request(room, 'GET', '/reports', eve);
    assert.deepEqual([status, body.error.code], [503, 'full']);
    for (const nap of naps) assert.equal((await nap).status, 200);
  });
});

it('a route that makes no sense is told by lectern check, and by no server', async () => {
  const { Scripts } = await import('./support/scripts.mjs');
  const cases = {
    '"reports"': 'begins with its method', '"GET reports"': 'begins with a slash', '"TRACE /x"': 'begins with its method', '"GET /api/x"': "is the server API's",
    '"GET /healthz"': 'the server itself answers', '"GET /:a/:a"': 'stands in it twice', '"GET /:1"': 'no name for a parameter', '"GET /a b"': 'no spaces', '"GET /a?b"': "no spaces, '?'",
  };
  for (const [key, sentence] of Object.entries(cases)) {
    const scripts = new Scripts({ example: false, files: { 'handlers/main.lua': `return { routes = { [${key}] = function() end } }` } });
    const { code, stderr } = await lectern(['check', scripts.dir]);
    assert.equal(code, 1, key);
    assert.ok(stderr.includes(sentence), `${key}: ${stderr}`);
    scripts.remove();
  }
  for (const [text, sentence] of [['routes = 1', 'must be a table'], ['routes = { ["GET /x"] = 1 }', 'a function, or'], ['routes = { ["GET /x"] = { handler = print, publik = true } }', 'not publik'], ['routes = { ["GET /x/:a"] = print, ["GET /x/:b"] = print }', 'already defined']]) {
    const scripts = new Scripts({ example: false, files: { 'handlers/main.lua': `return { ${text} }` } });
    const { code, stderr } = await lectern(['check', scripts.dir]);
    assert.equal(code, 1, text);
    assert.ok(stderr.includes(sentence), `${text}: ${stderr}`);
    scripts.remove();
  }
});
