/* Licensed under the Apache License, Version 2.0. See LICENSE. */

/**
 * Data of Arrow Java, handed over in place; for programs that have {@code arrow-vector} and {@code
 * arrow-c-data} on their class path. Nothing else of this library needs them. Tested with Arrow
 * 12.0.1, 18.1.0 and 19.0.0.
 */
package org.udfrunner.arrow;
