import { type ArgumentMetadata, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { GraphQLError } from 'graphql';

interface FieldError {
  /** Path into the input, such as `rules.0.priority`. */
  readonly field: string;
  readonly messages: readonly string[];
}

class InputPipe extends ValidationPipe {
  /** An argument that may be absent is not the empty object that Nest would check in its place. */
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    return value === undefined || value === null ? value : super.transform(value, metadata);
  }
}

/** class-validator's findings as BAD_USER_INPUT with the fields. Values are passed on as they came: no conversion, so that absent and null stay apart. */
export const inputPipe = new InputPipe({
  transform: false,
  forbidUnknownValues: false,
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => {
    const fields = errors.flatMap((error) => fieldErrors(error, ''));
    return new GraphQLError(`bad input: ${fields.map(({ field, messages }) => `${field}: ${messages.join(', ')}`).join('; ')}`, {
      extensions: { code: 'BAD_USER_INPUT', fields },
    });
  },
});

function fieldErrors(error: ValidationError, above: string): FieldError[] {
  const field = above === '' ? error.property : `${above}.${error.property}`;
  const own = error.constraints === undefined ? [] : [{ field, messages: Object.values(error.constraints) }];
  return [...own, ...(error.children ?? []).flatMap((child) => fieldErrors(child, field))];
}
