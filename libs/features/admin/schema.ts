import { NestFactory } from '@nestjs/core';
import { GraphQLSchemaBuilderModule, GraphQLSchemaFactory } from '@nestjs/graphql';
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { resolvers } from './admin.module.js';

/** The schema as it is served, without starting anything that it is about. */
export async function adminSchema(): Promise<GraphQLSchema> {
  const app = await NestFactory.createApplicationContext(GraphQLSchemaBuilderModule, { logger: false });
  try {
    return await app.get(GraphQLSchemaFactory).create(resolvers);
  } finally {
    await app.close();
  }
}

/** The text of `schema.graphql`, which `node tools/schema.mjs` writes. */
export async function adminSchemaText(): Promise<string> {
  return `${printSchema(lexicographicSortSchema(await adminSchema()))}\n`;
}
