// SPDX-License-Identifier: Apache-2.0
mod engine;
mod host;
mod shipped;
