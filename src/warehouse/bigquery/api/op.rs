//! The methods of BigQuery's REST API that irispool calls.

/// A method of the API. Counters, log lines, error messages and missing permissions go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    DatasetsGet,
    DatasetsInsert,
    TablesGet,
    TablesList,
    TablesInsert,
    TablesPatch,
    TablesDelete,
    TablesTestPermissions,
    InsertAll,
    JobsInsert,
    JobsGet,
    JobsQuery,
}

impl Op {
    /// The name of the method in Google's documentation, such as `tables.get`.
    pub fn name(self) -> &'static str {
        match self {
            Op::DatasetsGet => "datasets.get",
            Op::DatasetsInsert => "datasets.insert",
            Op::TablesGet => "tables.get",
            Op::TablesList => "tables.list",
            Op::TablesInsert => "tables.insert",
            Op::TablesPatch => "tables.patch",
            Op::TablesDelete => "tables.delete",
            Op::TablesTestPermissions => "tables.testIamPermissions",
            Op::InsertAll => "tabledata.insertAll",
            Op::JobsInsert => "jobs.insert",
            Op::JobsGet => "jobs.get",
            Op::JobsQuery => "jobs.query",
        }
    }

    /// The permission that the method requires.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Op::DatasetsGet => "bigquery.datasets.get",
            Op::DatasetsInsert => "bigquery.datasets.create",
            Op::TablesGet | Op::TablesTestPermissions => "bigquery.tables.get",
            Op::TablesList => "bigquery.tables.list",
            Op::TablesInsert => "bigquery.tables.create",
            Op::TablesPatch => "bigquery.tables.update",
            Op::TablesDelete => "bigquery.tables.delete",
            Op::InsertAll => "bigquery.tables.updateData",
            Op::JobsInsert | Op::JobsQuery => "bigquery.jobs.create",
            Op::JobsGet => "bigquery.jobs.get",
        }
    }
}
