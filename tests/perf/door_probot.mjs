// Probot with a handler that does nothing: `node door_probot.mjs PORT`, with BENCH_SECRET. With the word `storing` after
// the port its handler makes the insert that the bare application makes (DATABASE_URL), before Probot answers.
import { generateKeyPairSync } from "node:crypto";
import pg from "pg";
import { run } from "probot";

delete process.env.REDIS_URL; // else Probot wants ioredis
const key = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});
Object.assign(process.env, {
  NODE_ENV: "production",
  APP_ID: "1",
  PRIVATE_KEY: key.privateKey,
  WEBHOOK_SECRET: process.env.BENCH_SECRET,
  WEBHOOK_PATH: "/webhooks/github",
  HOST: "127.0.0.1",
  PORT: process.argv[2],
  LOG_LEVEL: "error",
});
const pool = process.argv[3] === "storing" ? new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 }) : null;
const insert = {
  name: "insert",
  text: "INSERT INTO bench_bare VALUES ($1, $2, $3, now()) ON CONFLICT DO NOTHING",
};
await run((app) => {
  app.on("issues", async ({ id, name, payload }) => {
    if (pool) await pool.query({ ...insert, values: [id, name, Buffer.from(JSON.stringify(payload))] });
  });
});
