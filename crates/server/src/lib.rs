//! How people see it: REST, the live stream, the dashboard.
