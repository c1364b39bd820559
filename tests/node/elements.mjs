// Which elements, with which addresses, Markdown becomes in the sandbox's renderer, and its text.
// Reads a JSON array of Markdown texts, writes an array of {elements: [...], urls: [...], text}.
import rehypeRaw from "rehype-raw";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";
import { question } from "./question.mjs";

const pipeline = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw);

function walk(node, found) {
  if (node.type === "element") {
    found.elements.push(node.tagName);
    for (const name of ["href", "src"]) {
      if (node.properties?.[name]) found.urls.push(String(node.properties[name]));
    }
  }
  if (node.type === "text") found.text += node.value;
  for (const child of node.children ?? []) walk(child, found);
  return found;
}

const texts = await question();
const found = texts.map((text) =>
  walk(pipeline.runSync(pipeline.parse(text)), { elements: [], urls: [], text: "" }),
);
process.stdout.write(JSON.stringify(found));
