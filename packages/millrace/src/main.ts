#!/usr/bin/env node
import { runMain } from "@millrace/cli";

await runMain();
