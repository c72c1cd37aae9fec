// The package on Nest 11.
import { testNest } from './support/nest_suite.mjs';

testNest('nest11');
