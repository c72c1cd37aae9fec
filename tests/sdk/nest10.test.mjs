// The package on Nest 10.
import { testNest } from './support/nest_suite.mjs';

testNest('nest10');
