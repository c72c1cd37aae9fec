// A worker of the platform that makes the calls of its outbox: a Nest application without an HTTP server. Says how many
// it has made; SIGTERM ends it in good order. LECTERN_URL, LECTERN_TOKEN and DATABASE_URL are its environment.
import 'reflect-metadata';
import { LecternModule, LecternOutbox, LecternOutboxModule } from '@lectern/nestjs';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';

const { LECTERN_URL: url, LECTERN_TOKEN: token, DATABASE_URL: database } = process.env;

class Worker {}
Module({
  imports: [
    LecternModule.forRoot({ url, token: () => token }),
    LecternOutboxModule.forRoot({
      connect: async () => {
        const client = new pg.Client(database);
        await client.connect();
        return client;
      },
      pollInterval: 100,
      longestPause: 300,
    }),
  ],
})(Worker);

const app = await NestFactory.createApplicationContext(Worker, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
const outbox = app.get(LecternOutbox);
let told = 0;
setInterval(() => {
  if (told === outbox.sent) return;
  told = outbox.sent;
  console.log(told);
}, 5).unref();
