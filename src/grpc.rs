//! Grpc.
