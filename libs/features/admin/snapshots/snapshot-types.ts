import { Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsIn, IsOptional, IsString } from 'class-validator';
import type { Position } from '#libs/event-log';
import { connectionOf } from '../graphql/connection.js';
import { DateTimeScalar, PositionScalar, SafeIntScalar } from '../graphql/scalars.js';
import { UserError } from '../graphql/user-error.js';

export const SnapshotKind = { AUDIENCE: 'audience', PLAYBOOK: 'playbook' } as const;
registerEnumType(SnapshotKind, { name: 'SnapshotKind' });

@InputType()
export class RequestSnapshotInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => SnapshotKind, { nullable: true, description: 'Both when absent.' })
  @IsOptional()
  @IsIn(Object.values(SnapshotKind))
  kind?: 'audience' | 'playbook' | null;
}

@ObjectType()
export class RequestSnapshotPayload {
  @Field(() => PositionScalar, { nullable: true, description: 'Ask isLive with it.' })
  position!: Position | null;
  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}

@ObjectType()
export class Snapshot {
  @Field(() => SnapshotKind)
  kind!: 'audience' | 'playbook';
  @Field()
  version!: string;
  @Field(() => PositionScalar, { description: 'All log records up to here are in it.' })
  builtFrom!: Position;
  @Field(() => DateTimeScalar)
  builtAt!: string;
  @Field(() => SafeIntScalar)
  bytes!: number;
  @Field()
  sha256!: string;
  @Field(() => SafeIntScalar, { nullable: true, description: 'Audience: customers in it, listed ones not yet seen too.' })
  customers!: number | null;
  @Field(() => SafeIntScalar, { nullable: true, description: 'Audience: distinct sets of segments.' })
  memberships!: number | null;
}

@ObjectType()
export class NodeSnapshot {
  @Field(() => ID)
  nodeId!: string;
  @Field(() => SnapshotKind)
  kind!: 'audience' | 'playbook';
  @Field()
  version!: string;
  @Field(() => DateTimeScalar)
  loadedAt!: string;
}

@ObjectType()
export class SnapshotStatus {
  @Field(() => Snapshot, { nullable: true })
  audience!: Snapshot | null;
  @Field(() => Snapshot, { nullable: true })
  playbook!: Snapshot | null;
  @Field(() => [NodeSnapshot])
  nodes!: readonly NodeSnapshot[];
}

export const SnapshotConnection = connectionOf(Snapshot, 'Snapshot', Int);
