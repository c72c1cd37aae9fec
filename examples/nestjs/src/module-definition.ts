// forRoot and forRootAsync, with the types of Nest's own builder.

import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { LecternOptions } from './options';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: LECTERN_OPTIONS } =
  new ConfigurableModuleBuilder<LecternOptions>({ moduleName: 'Lectern' })
    .setClassMethodName('forRoot')
    .setExtras({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobal }))
    .build();
