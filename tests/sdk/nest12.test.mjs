// The package on Nest 12.
import { testNest } from './support/nest_suite.mjs';

testNest('nest12');
