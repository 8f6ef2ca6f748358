import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { GraphQLModule } from '@nestjs/graphql';
import type { FastifyRequest } from 'fastify';
import { contextOf } from './access/caller.js';
import { ReadSide } from './access/read-side.js';
import { WriteSide } from './access/write-side.js';
import { campaignHandlers } from './campaigns/campaign-commands.js';
import { CampaignResolver } from './campaigns/campaign-resolver.js';
import { clientHandlers } from './clients/client-commands.js';
import { ClientResolver } from './clients/client-resolver.js';
import { contentHandlers } from './contents/content-commands.js';
import { ContentResolver } from './contents/content-resolver.js';
import { CustomerResolver } from './customers/customer-resolver.js';
import { ExplanationResolver } from './explaining/explanation-resolver.js';
import { PreviewResolver } from './explaining/preview-resolver.js';
import { formatError, GraphQlErrors } from './graphql/errors.js';
import { inputPipe } from './graphql/input-pipe.js';
import { limits, queryTokensMax } from './graphql/limits.js';
import { operationMetrics } from './graphql/metrics.js';
import { HistoryResolver } from './history/history-resolver.js';
import { importHandlers } from './imports/import-commands.js';
import { ImportResolver } from './imports/import-resolver.js';
import { ADMIN_PARTS, type AdminParts } from './parts.js';
import { segmentHandlers } from './segments/segment-commands.js';
import { SegmentResolver } from './segments/segment-resolver.js';
import { NewestAudiences } from './snapshots/newest-audiences.js';
import { PublishedHistory } from './snapshots/published-snapshots.js';
import { snapshotHandlers } from './snapshots/snapshot-commands.js';
import { SnapshotResolver } from './snapshots/snapshot-resolver.js';

/** What the schema is made of. */
export const resolvers = [
  CampaignResolver,
  ClientResolver,
  ContentResolver,
  CustomerResolver,
  ExplanationResolver,
  HistoryResolver,
  ImportResolver,
  PreviewResolver,
  SegmentResolver,
  SnapshotResolver,
];

const commandHandlers = [
  ...campaignHandlers,
  ...clientHandlers,
  ...contentHandlers,
  ...importHandlers,
  ...segmentHandlers,
  ...snapshotHandlers,
];

/** The admin: GraphQL over the deciders and the tables. Give the application to `configureAdminHttp` before it is started. */
@Module({})
export class AdminModule {
  static register(parts: AdminParts): DynamicModule {
    return {
      module: AdminModule,
      imports: [CqrsModule.forRoot(), GraphQLModule.forRoot<ApolloDriverConfig>(graphqlOptions(parts))],
      providers: [
        { provide: ADMIN_PARTS, useValue: parts },
        { provide: APP_PIPE, useValue: inputPipe },
        { provide: APP_FILTER, useClass: GraphQlErrors },
        NewestAudiences,
        PublishedHistory,
        ReadSide,
        WriteSide,
        ...commandHandlers,
        ...resolvers,
      ],
    };
  }
}

function graphqlOptions({ apiKeys, registry }: AdminParts): ApolloDriverConfig {
  return {
    driver: ApolloDriver,
    autoSchemaFile: true,
    // Our own page at /graphiql works offline; the driver's loads from a CDN.
    graphiql: false,
    introspection: true,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    parseOptions: { maxTokens: queryTokensMax },
    maxRecursiveSelections: true,
    context: (request: FastifyRequest) => contextOf(request, apiKeys),
    formatError,
    plugins: [limits, operationMetrics(registry)],
  };
}
