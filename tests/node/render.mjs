// Cards as the public CDS Hooks Sandbox renders them: react-markdown with remark-gfm and rehype-raw,
// no sanitiser. Reads a JSON array of Markdown texts, writes a JSON array of HTML.
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import Markdown from "react-markdown";
import rehypeRaw from "rehype-raw";
import remarkGfm from "remark-gfm";
import { question } from "./question.mjs";

const texts = await question();
const html = texts.map((text) =>
  renderToStaticMarkup(
    createElement(Markdown, { remarkPlugins: [remarkGfm], rehypePlugins: [rehypeRaw] }, text),
  ),
);
process.stdout.write(JSON.stringify(html));
