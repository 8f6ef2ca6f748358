import { Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsIn, IsInt, IsOptional, IsString } from 'class-validator';
import type { ContentKind, PlaybookContent } from '#libs/domain';
import type { Position } from '#libs/event-log';
import { PositionScalar } from '../graphql/scalars.js';
import { UserError } from '../graphql/user-error.js';

export const ContentType = {
  IMAGE: 'image',
  SCRIPT: 'script',
  HTML: 'html',
  XML: 'xml',
  JSON: 'json',
  TEXT: 'text',
  AUDIO: 'audio',
  VIDEO: 'video',
  STREAM: 'stream',
  SURVEY: 'survey',
  ARTICLE: 'article',
} as const satisfies Record<string, ContentKind>;
registerEnumType(ContentType, { name: 'ContentType' });

@InputType({ description: 'Exactly one of address and body. Address and destination are http(s), else URL_INVALID.' })
export class RegisterContentInput {
  @Field(() => ID)
  @IsString()
  clientId!: string;

  @Field(() => ID)
  @IsString()
  contentId!: string;

  @Field(() => ContentType)
  @IsIn(Object.values(ContentType))
  type!: ContentKind;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  address?: string | null;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  body?: string | null;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  destination?: string | null;

  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  width?: number | null;

  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  height?: number | null;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  alt?: string | null;
}

@ObjectType()
export class Content implements PlaybookContent {
  @Field(() => ID)
  contentId!: string;
  @Field(() => ContentType)
  type!: ContentKind;
  @Field(() => String, { nullable: true })
  address!: string | null;
  @Field(() => String, { nullable: true })
  body!: string | null;
  @Field(() => String, { nullable: true })
  destination!: string | null;
  @Field(() => Int, { nullable: true })
  width!: number | null;
  @Field(() => Int, { nullable: true })
  height!: number | null;
  @Field(() => String, { nullable: true })
  alt!: string | null;
}

@ObjectType()
export class RegisterContentPayload {
  @Field(() => Content, { nullable: true })
  content!: Content | null;
  @Field(() => PositionScalar, { nullable: true })
  position!: Position | null;
  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}
