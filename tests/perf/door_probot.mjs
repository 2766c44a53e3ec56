// Probot with a handler that does nothing: `node door_probot.mjs PORT`, with BENCH_SECRET.
import { generateKeyPairSync } from "node:crypto";
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
await run((app) => {
  app.on("issues", () => {});
});
