//! A collection as a table.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use coldpress::{FileSchemas, TableSchema as Columns};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, Statistics, project_schema};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column as PhysicalColumn, cast};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::metrics::MetricBuilder;
use datafusion::physical_plan::projection::ProjectionExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::adapt::Adapters;
use crate::convert::casts_suffice;
use crate::files::{DataFile, Files};
use crate::lsns::{self, LSN_COLUMNS};
use crate::reader::Readers;
use crate::statistics::{merged, of_table_columns};
use crate::types::{is_nested, is_text, schema, text_beside_bytes};

/// One collection: the files that it had when the statement was planned.
#[derive(Debug)]
pub(crate) struct Table {
    files: Arc<Files>,
    url: ObjectStoreUrl,
    /// Of the table, with the LSNs.
    columns: SchemaRef,
    /// The same, as the files are read: see [`text_beside_bytes`].
    schema: TableSchema,
    data: Vec<DataFile>,
    /// What `data` says of the columns, the LSNs among them.
    found: Vec<PartitionedFile>,
    /// Columns that a filter of Parquet's reader must not see: see [`Table::push_filters`].
    unseen: BTreeSet<usize>,
}

impl Table {
    pub(crate) fn new(files: Arc<Files>, url: ObjectStoreUrl, data: Vec<DataFile>) -> Result<Self> {
        let mut together = FileSchemas::default();
        data.iter().for_each(|file| together.add(&file.facts.footer));
        let Columns { columns, .. } = together.table();
        let columns = schema(&columns);
        // Columns of the rows come first: these names are theirs then.
        let has_lsns = LSN_COLUMNS.iter().all(|name| columns.index_of(name).is_err());
        let lsns = if has_lsns { lsns::fields() } else { Vec::new() };
        let schemas = distinct_schemas(&data);
        let read = without_bytes_as_text(&columns, &schemas);
        let found =
            data.iter().map(|file| partitioned(file, &read, has_lsns)).collect::<Result<_>>()?;
        let unseen = unseen(&schemas, &read);
        let all = columns.fields().iter().chain(&lsns).cloned().collect::<Fields>();
        let schema = TableSchema::builder(read).with_table_partition_cols(lsns).build();
        Ok(Table { files, url, columns: Arc::new(Schema::new(all)), schema, data, found, unseen })
    }

    fn decided_by_lsns(&self, filter: &Expr) -> bool {
        !self.schema.table_partition_cols().is_empty() && lsns::decide(filter)
    }

    /// Whether Parquet's reader may filter rows while it reads these columns.
    ///
    /// DataFusion decides by the table's types what it leaves to the reader, and the reader decides
    /// for each file by the file's types. A filter that the reader then cannot take is lost, and
    /// rows that it should have left out would come. That is so for a column that is nested in
    /// a file, and of another type in the table.
    fn push_filters(&self, session: &dyn Session, projection: Option<&Vec<usize>>) -> Result<bool> {
        let unseen = match projection {
            Some(columns) => columns.iter().find(|column| self.unseen.contains(column)),
            None => self.unseen.first(),
        };
        let Some(unseen) = unseen else { return Ok(true) };
        if session.config_options().execution.parquet.pushdown_filters {
            let name = self.schema.table_schema().field(*unseen).name();
            return Err(DataFusionError::Plan(format!(
                "column {name:?} has several types in its files, and \
                 datafusion.execution.parquet.pushdown_filters is true, which would lose filters \
                 there; set it to false (coldpress leaves filters to the reader wherever that is \
                 right)"
            )));
        }
        Ok(false)
    }
}

/// The schemas of the files, each once.
fn distinct_schemas(data: &[DataFile]) -> Vec<&SchemaRef> {
    let mut schemas: Vec<&SchemaRef> = data.iter().map(|file| &file.facts.schema).collect();
    // Files with one schema share it.
    schemas.sort_unstable_by_key(|schema| Arc::as_ptr(schema));
    schemas.dedup_by_key(|schema| Arc::as_ptr(schema));
    schemas
}

/// The table's columns, where no text is of a type in which the bytes of a file would be read as
/// they are.
fn without_bytes_as_text(table: &SchemaRef, schemas: &[&SchemaRef]) -> SchemaRef {
    let has_bytes = |name: &str| {
        let fields = schemas.iter().filter_map(|file| file.field_with_name(name).ok());
        fields.map(Field::data_type).any(|file| matches!(file, DataType::BinaryView))
    };
    let field = |field: &FieldRef| match is_text(field.data_type()) && has_bytes(field.name()) {
        true => Arc::new(field.as_ref().clone().with_data_type(text_beside_bytes())),
        false => Arc::clone(field),
    };
    Arc::new(Schema::new(table.fields().iter().map(field).collect::<Fields>()))
}

/// The columns that are nested in a file and need more than a cast.
fn unseen(schemas: &[&SchemaRef], table: &SchemaRef) -> BTreeSet<usize> {
    let is_unseen = |at: &usize| {
        let field = table.field(*at);
        schemas.iter().filter_map(|file| file.field_with_name(field.name()).ok()).any(|file| {
            is_nested(file.data_type()) && !casts_suffice(file.data_type(), field.data_type())
        })
    };
    (0..table.fields().len()).filter(is_unseen).collect()
}

fn partitioned(file: &DataFile, columns: &SchemaRef, has_lsns: bool) -> Result<PartitionedFile> {
    let object = &file.object;
    let location = Path::parse(object.key.as_str())?;
    let found = PartitionedFile::new_from_meta(ObjectMeta {
        location,
        last_modified: object.modified.into(),
        size: object.bytes,
        e_tag: None,
        version: None,
    });
    let lsns = file.facts.footer.lsns();
    let lsns = [lsns.min(), lsns.max()].map(|lsn| ScalarValue::UInt64(Some(lsn)));
    let lsns = if has_lsns { lsns.to_vec() } else { Vec::new() };
    let statistics = of_table_columns(&file.facts, columns);
    Ok(found.with_partition_values(lsns).with_statistics(Arc::new(statistics)))
}

/// The first files that have so many rows.
fn enough(mut chosen: Vec<usize>, limit: usize, data: &[DataFile]) -> Vec<usize> {
    let mut rows = 0_u64;
    chosen.retain(|at| {
        let is_short = rows < limit as u64;
        rows = rows.saturating_add(data[*at].facts.footer.rows_count());
        is_short
    });
    chosen
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        let files = self.found.iter().filter_map(|file| file.statistics.as_deref());
        Some(merged(files, self.schema.table_schema()))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let told = |filter: &&Expr| match self.decided_by_lsns(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(told).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (by_lsns, others): (Vec<&Expr>, Vec<&Expr>) =
            filters.iter().partition(|filter| self.decided_by_lsns(filter));
        let mut chosen = lsns::chosen(session, &self.data, &by_lsns)?;
        let pruned = self.data.len() - chosen.len();
        if let (Some(limit), true) = (limit, others.is_empty()) {
            chosen = enough(chosen, limit, &self.data);
        }
        if chosen.is_empty() {
            let schema = project_schema(&self.columns, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let found: Vec<PartitionedFile> = chosen.iter().map(|at| self.found[*at].clone()).collect();
        let statistics = merged(
            found.iter().filter_map(|file| file.statistics.as_deref()),
            self.schema.table_schema(),
        );
        let mut options = TableParquetOptions::new();
        options.global = session.config_options().execution.parquet.clone();
        options.global.pushdown_filters = self.push_filters(session, projection)?;
        options.global.reorder_filters = true;
        options.global.enable_page_index = true;
        options.global.bloom_filter_on_read = true;
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(Readers(Arc::clone(&self.files))));
        MetricBuilder::new(source.metrics()).global_counter("files_pruned_by_lsn").add(pruned);
        let groups = FileGroup::new(found).split_files(session.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(Adapters)))
            .build();
        in_types(DataSourceExec::from_data_source(config), &self.columns)
    }
}

/// The rows in the types of the table.
fn in_types(read: Arc<dyn ExecutionPlan>, table: &SchemaRef) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = read.schema();
    let mut differs = false;
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (at, field) in schema.fields().iter().enumerate() {
        let column: Arc<dyn PhysicalExpr> = Arc::new(PhysicalColumn::new(field.name(), at));
        let to = table.field_with_name(field.name())?.data_type();
        differs |= field.data_type() != to;
        columns.push((cast(column, &schema, to.clone())?, field.name().clone()));
    }
    if !differs {
        return Ok(read);
    }
    Ok(Arc::new(ProjectionExec::try_new(columns, read)?))
}
