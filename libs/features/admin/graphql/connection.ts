/** Relay connections: pages by opaque cursors. */
import type { Type } from '@nestjs/common';
import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { GraphQLError, type GraphQLScalarType } from 'graphql';

/** The most that one page holds. */
export const pageSizeMax = 1000;
const pageSizeDefault = 50;

@ObjectType()
export class PageInfo {
  @Field()
  hasNextPage!: boolean;
  @Field(() => String, { nullable: true })
  endCursor!: string | null;
}

@ArgsType()
export class PageArgs {
  @Field(() => Int, { nullable: true, defaultValue: pageSizeDefault })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(pageSizeMax)
  first?: number | null;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(400)
  after?: string | null;
}

export interface Edge<Node> {
  readonly cursor: string;
  readonly node: Node;
}

export interface Connection<Node> {
  readonly edges: readonly Edge<Node>[];
  readonly pageInfo: PageInfo;
  readonly totalCount: number;
}

/** The types `<name>Edge` and `<name>Connection`; `totalCount` is left out where counting would cost a reading of everything. */
export function connectionOf<Node>(
  node: Type<Node>,
  name: string,
  totalCount: GraphQLScalarType | typeof Int | null,
): Type<Connection<Node>> {
  @ObjectType(`${name}Edge`)
  class NodeEdge {
    @Field()
    cursor!: string;
    @Field(() => node)
    node!: Node;
  }

  @ObjectType(`${name}Connection`)
  class NodeConnection {
    @Field(() => [NodeEdge])
    edges!: NodeEdge[];
    @Field(() => PageInfo)
    pageInfo!: PageInfo;
  }
  if (totalCount !== null) Field(() => totalCount)(NodeConnection.prototype, 'totalCount');
  // `totalCount` stands on the prototype's metadata alone, so the class does not declare it.
  return NodeConnection as unknown as Type<Connection<Node>>;
}

export function pageSize(page: PageArgs): number {
  return page.first ?? pageSizeDefault;
}

/** A cursor says after what the next page begins, readable by nobody's need but ours. */
export function cursorOf(key: string): string {
  return Buffer.from(`v1:${key}`, 'utf8').toString('base64url');
}

/** The key in a page's cursor; null without one. @throws BAD_USER_INPUT for a text that is no cursor of ours. */
export function keyAfter(page: PageArgs): string | null {
  if (page.after === undefined || page.after === null) return null;
  const text = Buffer.from(page.after, 'base64url').toString('utf8');
  if (!text.startsWith('v1:') || cursorOf(text.slice(3)) !== page.after) {
    throw new GraphQLError('`after` is no cursor of an earlier page', { extensions: { code: 'BAD_USER_INPUT', fields: ['after'] } });
  }
  return text.slice(3);
}

/** The page of a list that is in memory, by each node's key; a key that is gone since ends the list. */
export function pageOf<Node>(nodes: readonly Node[], keyOf: (node: Node) => string, page: PageArgs): Connection<Node> {
  const after = keyAfter(page);
  const start = after === null ? 0 : indexAfter(nodes, keyOf, after);
  const shown = nodes.slice(start, start + pageSize(page));
  return connection(shown, keyOf, start + shown.length < nodes.length, nodes.length);
}

function indexAfter<Node>(nodes: readonly Node[], keyOf: (node: Node) => string, key: string): number {
  const found = nodes.findIndex((node) => keyOf(node) === key);
  return found < 0 ? nodes.length : found + 1;
}

export function connection<Node>(
  shown: readonly Node[],
  keyOf: (node: Node) => string,
  hasNextPage: boolean,
  totalCount: number,
): Connection<Node> {
  const edges = shown.map((node) => ({ cursor: cursorOf(keyOf(node)), node }));
  return { edges, pageInfo: { hasNextPage, endCursor: edges.at(-1)?.cursor ?? null }, totalCount };
}
