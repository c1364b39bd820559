// The JSON document on standard input, read to its end (a synchronous read fails on a full pipe).
export async function question() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
