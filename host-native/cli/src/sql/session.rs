//! Runs statements.

use std::sync::Arc;

use coldpress_sql::RegisterColdpress;
use coldpress_sql::datafusion::error::DataFusionError;
use coldpress_sql::datafusion::execution::SendableRecordBatchStream;
use coldpress_sql::datafusion::execution::runtime_env::RuntimeEnvBuilder;
use coldpress_sql::datafusion::logical_expr::{
    DdlStatement, LogicalPlan, Statement as PlanStatement,
};
use coldpress_sql::datafusion::prelude::{SessionConfig, SessionContext};
use coldpress_sql::datafusion::sql::parser::{DFParserBuilder, Statement};
use coldpress_sql::datafusion::sql::sqlparser::dialect::GenericDialect;
use futures_util::StreamExt;

use super::format::Format;
use super::output::Open;
use super::words;
use super::write::Writer;
use crate::failure::Failure;
use crate::interrupt;
use crate::store::Store;

/// A store, and the tables and views of one run.
pub struct Session<'s> {
    store: &'s Store,
    context: SessionContext,
    tenant: u64,
    format: Format,
}

impl<'s> Session<'s> {
    /// A session over the collections of this tenant, whose statements take so much memory.
    pub fn new(
        store: &'s Store,
        tenant: u64,
        format: Format,
        memory_bytes_max: u64,
    ) -> Result<Self, Failure> {
        let mut config = SessionConfig::new().with_information_schema(true);
        // Fields of JSON have their case, and so have columns.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let memory = usize::try_from(memory_bytes_max).unwrap_or(usize::MAX);
        let runtime = RuntimeEnvBuilder::new().with_memory_limit(memory, 1.0).build_arc();
        let runtime = runtime.map_err(|error| words::failure(&error, tenant))?;
        let context = SessionContext::new_with_config_rt(config, runtime);
        let registered = context.register_coldpress(Arc::clone(store.shared()), tenant);
        registered.map_err(|error| words::failure(&error, tenant))?;
        Ok(Session { store, context, tenant, format })
    }

    /// Runs statements one after the other, until one fails.
    pub fn answer(&self, text: &str, out: &mut Open) -> Result<(), Failure> {
        let statements = DFParserBuilder::new(text)
            .with_dialect(&GenericDialect {})
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|error| self.failure(&error))?;
        let mut has_rows = false;
        for statement in statements {
            has_rows |= self.store.drive(async {
                interrupt::unless_interrupted(self.run(statement, has_rows, out)).await?
            })??;
        }
        match self.format {
            Format::Parquet if !has_rows => Err(Failure::usage(
                "none of the statements gives rows, and a Parquet file is made of rows",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the statement gives rows. `follows`: whether one before it gave some.
    async fn run(
        &self,
        statement: Statement,
        follows: bool,
        out: &mut Open,
    ) -> Result<bool, Failure> {
        let failed = |error| self.failure(&error);
        let (is_plan, mut rows) = self.begin(statement).await.map_err(failed)?;
        let schema = rows.schema();
        if schema.fields().is_empty() {
            // A statement without rows, such as `create view`.
            while let Some(batch) = rows.next().await {
                batch.map_err(failed)?;
            }
            return Ok(false);
        }
        if follows && self.format == Format::Parquet {
            return Err(Failure::usage(
                "a Parquet file holds the rows of one statement, and two of these give rows; \
                 leave one out, or choose another --format",
            ));
        }
        let mut writer = Writer::new(self.format, is_plan, schema, out)?;
        while let Some(batch) = rows.next().await {
            writer.write(&batch.map_err(failed)?, out)?;
        }
        writer.finish(out)?;
        Ok(true)
    }

    async fn begin(
        &self,
        statement: Statement,
    ) -> Result<(bool, SendableRecordBatchStream), DataFusionError> {
        let plan = self.context.state().statement_to_plan(statement).await?;
        refuse(&plan)?;
        let is_plan = matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
        let frame = self.context.execute_logical_plan(plan).await?;
        Ok((is_plan, frame.execute_stream().await?))
    }

    fn failure(&self, error: &DataFusionError) -> Failure {
        words::failure(error, self.tenant)
    }
}

/// An error for a statement that would reach past what the command promises.
fn refuse(plan: &LogicalPlan) -> Result<(), DataFusionError> {
    let said = match plan {
        // Its rows go straight into files, also into those of the store.
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(table)) if table.unbounded => {
            "coldpress sql has no unbounded tables; leave unbounded out"
        }
        LogicalPlan::Statement(PlanStatement::SetVariable(set))
            if set.variable.starts_with("datafusion.runtime.") =>
        {
            "datafusion.runtime is set by --memory-bytes-max, and by TMPDIR for temporary files"
        }
        _ => return Ok(()),
    };
    Err(DataFusionError::Plan(said.to_owned()))
}
