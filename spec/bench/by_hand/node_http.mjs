// An update by hand on Node's own clients: node_http.mjs ENDPOINT TOKEN COUNT client=fetch|http warm=N
import { randomUUID } from "node:crypto";
import http from "node:http";

const [endpoint, token, countText, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((option) => option.split("=")));
const url = endpoint + "/referrals/49d90c72-3326-4f61-aacc-2cb57970448c";

function headersFor(etag) {
  const headers = {
    Accept: "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "referrals-lua/0.1.0",
    Authorization: "Bearer " + token,
    "client-request-id": randomUUID(),
  };
  if (etag) {
    headers["Content-Type"] = "application/json";
    headers["If-Match"] = etag;
  }
  return headers;
}

async function byFetch(method, headers, body) {
  const answer = await fetch(url, { method, headers, body });
  if (answer.status !== 200) throw new Error(String(answer.status));
  return [await answer.text(), answer.headers.get("etag")];
}

const agent = new http.Agent({ keepAlive: true });

function byHttp(method, headers, body) {
  return new Promise((resolve, reject) => {
    if (body) headers["Content-Length"] = Buffer.byteLength(body);
    const request = http.request(url, { method, headers, agent }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece) => (text += piece));
      answer.on("end", () => resolve([text, answer.headers.etag]));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const perform = { fetch: byFetch, http: byHttp }[options.client];

async function update(number) {
  const [text, etag] = await perform("GET", headersFor());
  const referral = JSON.parse(text);
  referral.status = "Closed";
  referral.substatus = number % 2 ? "Lost" : "Won";
  delete referral.links;
  const [answer] = await perform("PUT", headersFor(etag), JSON.stringify(referral));
  return JSON.parse(answer);
}

const warm = Number(options.warm || 0);
const count = Number(countText);
for (let number = 1; number <= warm; number++) await update(number);
const began = process.hrtime.bigint();
for (let number = warm + 1; number <= warm + count; number++) await update(number);
console.log((Number(process.hrtime.bigint() - began) / 1e9).toFixed(6));
agent.destroy();
